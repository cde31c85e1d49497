#!lua name=peers
-- What a user would write as a Redis function: it appends the event, looks at what waits with its key, and appends
-- the answer. What waits is kept in lists, since only keys are persisted and replicated.

local WITHIN = 2000

local function append(stream, args)
  return redis.call('XADD', stream, args[1] .. '-0', 'type', args[2], 'key', args[3], 'value', args[4])
end

-- Keys: stream, list of this type, list of the other, output. Arguments: time, type, key, value.
redis.register_function('pair', function(keys, args)
  local id = append(keys[1], args)
  local other = redis.call('RPOP', keys[3])
  if other and args[1] - other <= WITHIN then
    redis.call('XADD', keys[4], '*', 'rule', 'pair', 'key', args[3], 'sources', other .. ' ' .. args[1])
    return id
  end
  if other then -- the newest is too old, and so are all
    redis.call('DEL', keys[3])
  end
  redis.call('RPUSH', keys[2], args[1])
  return id
end)

-- What a list holds as {time, value, as it stands}, the newest first, without what has become too old.
local function waiting(list, now)
  local kept, all = {}, redis.call('LRANGE', list, 0, -1)
  for place = #all, 1, -1 do
    local time, value = string.match(all[place], '(%d+) (.+)')
    if now - time > WITHIN then
      redis.call('LTRIM', list, place, -1)
      break
    end
    kept[#kept + 1] = { tonumber(time), tonumber(value), all[place] }
  end
  return kept
end

-- Keys: stream, list of A, list of B, output. Arguments: time, type, key, value.
redis.register_function('rise', function(keys, args)
  local id = append(keys[1], args)
  if args[2] ~= 'C' then
    redis.call('RPUSH', args[2] == 'A' and keys[2] or keys[3], args[1] .. ' ' .. args[4])
    return id
  end
  local as = waiting(keys[2], args[1])
  for _, b in ipairs(#as > 0 and waiting(keys[3], args[1]) or {}) do
    for _, a in ipairs(as) do
      if a[1] < b[1] and a[2] < b[2] then
        redis.call('LREM', keys[2], -1, a[3])
        redis.call('LREM', keys[3], -1, b[3])
        local sources = a[1] .. ' ' .. b[1] .. ' ' .. args[1]
        redis.call('XADD', keys[4], '*', 'rule', 'rise', 'key', args[3], 'sources', sources)
        return id
      end
    end
  end
  return id
end)
