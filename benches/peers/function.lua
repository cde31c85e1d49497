#!lua name=peers
-- What a user would write as a Redis function: it appends the event, looks at what waits with its key, and appends
-- the answer. What waits is kept in lists, since only keys are persisted and replicated.

local WITHIN = 2000
local AXONS = { A = 'axon_1', B = 'axon_2', C = 'axon_3' }

local function append(stream, args)
  return redis.call('XADD', stream, args[1] .. '-0', 'type', args[2], 'key', args[3], 'value', args[4])
end

-- The answer in few words. Sources are {time, value, type}, the oldest first.
local function plain(output, rule, key, sources)
  local times = {}
  for place, source in ipairs(sources) do
    times[place] = source[1]
  end
  redis.call('XADD', output, '*', 'rule', rule, 'key', key, 'sources', table.concat(times, ' '))
end

-- The answer with all that Leaflet's says, but for times, which are milliseconds: there is no calendar here.
local function full(output, rule, _, sources)
  local ids, lineage, sum = {}, {}, 0
  for place, source in ipairs(sources) do
    local axon, id = AXONS[source[3]], source[1] .. '-0'
    local stream = 'stream:' .. axon
    ids[place] = stream .. '/' .. id
    lineage[axon] = {
      event_id = ids[place], timestamp = source[1], stream = stream, id = id, type = source[3], value = source[2],
    }
    sum = sum + source[2]
  end
  local first, last = sources[1][1], sources[#sources][1]
  local hash = redis.sha1hex(rule .. '\0' .. table.concat(ids, '\0'))
  local uuid = string.format('%s-%s-5%s-8%s-%s', hash:sub(1, 8), hash:sub(9, 12), hash:sub(14, 16), hash:sub(18, 20), hash:sub(21, 32))
  redis.call('XADD', output, '*', 'event_id', uuid, 'timestamp', last, 'event_type', 'MULTI_ORIGINATED',
    'source_events', cjson.encode(ids), 'correlation_rule', rule, 'integrated_value', tostring(sum / #sources),
    'confidence', tostring(1 - (last - first) / (2 * WITHIN)), 'lineage', cjson.encode(lineage))
end

-- An element of a list: time and value.
local function parse(element)
  return string.match(element, '(%d+) (.+)')
end

-- Keys: stream, list of this type, list of the other, output. Arguments: time, type, key, value.
local function pair(answer)
  return function(keys, args)
    local id = append(keys[1], args)
    local other = redis.call('RPOP', keys[3])
    if other then
      local time, value = parse(other)
      if args[1] - time <= WITHIN then
        local kind = args[2] == 'A' and 'B' or 'A'
        answer(keys[4], 'pair', args[3], { { time, value, kind }, { args[1], args[4], args[2] } })
        return id
      end
      redis.call('DEL', keys[3]) -- the newest is too old, and so are all
    end
    redis.call('RPUSH', keys[2], args[1] .. ' ' .. args[4])
    return id
  end
end

-- What a list holds as {time, value, type, element}, the newest first, without what has become too old.
local function waiting(list, kind, now)
  local kept, all = {}, redis.call('LRANGE', list, 0, -1)
  for place = #all, 1, -1 do
    local time, value = parse(all[place])
    if now - time > WITHIN then
      redis.call('LTRIM', list, place, -1)
      break
    end
    kept[#kept + 1] = { time, tonumber(value), kind, all[place] }
  end
  return kept
end

-- Keys: stream, list of A, list of B, output. Arguments: time, type, key, value.
local function rise(answer)
  return function(keys, args)
    local id = append(keys[1], args)
    if args[2] ~= 'C' then
      redis.call('RPUSH', args[2] == 'A' and keys[2] or keys[3], args[1] .. ' ' .. args[4])
      return id
    end
    local as = waiting(keys[2], 'A', args[1])
    for _, b in ipairs(#as > 0 and waiting(keys[3], 'B', args[1]) or {}) do
      for _, a in ipairs(as) do
        if a[1] < b[1] and a[2] < b[2] then -- times have as many digits
          redis.call('LREM', keys[2], -1, a[4])
          redis.call('LREM', keys[3], -1, b[4])
          answer(keys[4], 'rise', args[3], { a, b, { args[1], tonumber(args[4]), 'C' } })
          return id
        end
      end
    end
    return id
  end
end

redis.register_function('pair_plain', pair(plain))
redis.register_function('pair_full', pair(full))
redis.register_function('rise_plain', rise(plain))
redis.register_function('rise_full', rise(full))
