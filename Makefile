# Everything here works on a fresh clone with Rust, Python 3 and gcc, as any user. What else is
# needed and not on this machine is fetched once into .tools/ (see scripts/tools.py).

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PORT ?= 6379
# More words for the demo, the flights or the benchmark: make demo ARGS=--help
ARGS ?=
# Seconds for each fuzz target (60), or for all faults of the torture (600).
TIME ?=
# Where the chance of the torture and of the soak begins.
SEED ?= 1
# A part of the names of the faults to try (all).
ONLY ?=
# Steps of the soak, on a server and under valgrind.
STEPS ?= 100000
VALGRIND_STEPS ?= 5000
PYTHON ?= python3
export PYTHON

TOOLS := $(PYTHON) scripts/tools.py
CARGO := $(TOOLS) run libclang -- cargo
# What the integration tests run on and with.
TESTED := libclang redis valkey python-clients node-clients flights
FUZZED := parser expression saccule events snapshot

.PHONY: help
help: ## list the targets
	@sed -n -e 's/[$$][$$]/$$/g' -e 's/^\([a-z0-9.-]*\):.*## /\1\t/p' Makefile | expand -t 16

.PHONY: build
build: ## build the module: target/release/libleaflet.so
	$(CARGO) build --release

.PHONY: demo
demo: ## see events integrated inside a private Redis, for about 15 seconds
	$(CARGO) build --release --lib --example demo_workflow
	@$(TOOLS) run redis -- $(PYTHON) scripts/with_server.py \
		target/release/examples/demo_workflow --private $(ARGS)

.PHONY: run
run: build ## serve with redis.conf on PORT (6379), data in .data/
	@mkdir -p .data
	@$(TOOLS) run redis -- sh -c 'exec "$$REDIS_SERVER" redis.conf --port "$$0"' $(PORT)

.PHONY: cli
cli: ## talk to the server on PORT (6379) with redis-cli
	@$(TOOLS) run redis-cli -- sh -c 'exec "$$REDIS_CLI" -p "$$0" "$$@"' $(PORT) $(ARGS)

.PHONY: flights
flights: ## replay a year of departures from New York through rules
	$(CARGO) build --release --lib --example flights
	@$(TOOLS) run redis flights -- sh -c 'exec "$$PYTHON" scripts/with_server.py \
		target/release/examples/flights --private --data "$$LEAFLET_FLIGHTS_DATA" "$$@"' sh $(ARGS)

.PHONY: bench
bench: bench-engine bench-server bench-instructions ## measure the engine alone, a server with the module against a bare one, and count their instructions

.PHONY: bench-engine
bench-engine: ## only the first of these (ARGS=--help)
	$(TOOLS) run -- cargo bench --bench engine --no-default-features -- $(ARGS)

.PHONY: bench-snapshot
bench-snapshot: ## what saving and loading windows takes
	$(TOOLS) run -- cargo bench --bench snapshot --no-default-features -- $(ARGS)

.PHONY: bench-server
bench-server: ## only the second (ARGS='--only keyed')
	$(TOOLS) run libclang redis -- cargo bench --bench correlation_throughput -- $(ARGS)

.PHONY: bench-instructions
bench-instructions: ## count the instructions of each path under valgrind, and compare with those kept (ARGS=--update keeps them)
	$(TOOLS) run libclang redis -- cargo bench --bench instructions -- $(ARGS)

.PHONY: bench-latency
bench-latency: ## how long the server keeps others waiting, at worst, for about five minutes (ARGS=--quick)
	$(TOOLS) run libclang redis -- cargo bench --bench latency -- $(ARGS)

.PHONY: bench-cluster
bench-cluster: ## measure clusters of one, two and three nodes on this machine
	$(TOOLS) run libclang redis -- cargo bench --bench cluster -- $(ARGS)

.PHONY: bench-curves
bench-curves: ## measure how the cost changes with rules, windows, partitions, fields and pipelines (ARGS='--only rules')
	$(TOOLS) run libclang redis -- cargo bench --bench curves -- $(ARGS)

.PHONY: performance
performance: bench-server bench-curves bench-cluster ## measure all that docs/performance.md shows, and write its tables and plots
	$(MAKE) bench-instructions ARGS=--update
	$(MAKE) performance-page

.PHONY: performance-page
performance-page: ## only write them, from what was measured last
	$(TOOLS) run -- cargo bench --bench performance --no-default-features

.PHONY: bench-peers
bench-peers: ## measure Leaflet beside what people use instead (ARGS=--help), for about 20 minutes; JDK 17 for some of them
	$(PYTHON) -B benches/peers/run.py $(ARGS)

.PHONY: test
test: lint check test-engine test-all test-valkey test-redis-8.0 check-docker ## everything that must hold before a change goes in

.PHONY: fuzz
fuzz: $(FUZZED:%=fuzz-%) ## look for bytes that break the engine, TIME=60 seconds for each of fuzz/fuzz_targets

# What is of interest is kept in fuzz/target/corpus, and a failure in fuzz/artifacts. It is mended when its file is
# in fuzz/corpus and the tests pass.
fuzz-%:
	@mkdir -p fuzz/target/corpus/$* fuzz/artifacts/$*
	cd fuzz && cargo run --release --target "$$(rustc -vV | sed -n 's/^host: //p')" --bin $* -- \
		target/corpus/$* corpus/$* -artifact_prefix=artifacts/$*/ -max_total_time=$(or $(TIME),60) -max_len=2048 -timeout=10 -len_control=0 \
		$(if $(filter events snapshot,$*),,-dict=rules.dict)

.PHONY: torture
torture: ## kill, cut off, fill up and fail over servers under load, for TIME=600 seconds with SEED=1, and print what came of it
	$(TOOLS) run libclang redis -- env LEAFLET_TORTURE_TIME=$(TIME) LEAFLET_TORTURE_SEED=$(SEED) \
		LEAFLET_TORTURE_ONLY='$(ONLY)' cargo test --release --test torture torture -- --ignored --exact --nocapture

.PHONY: soak
soak: ## add and delete domains, rules and events STEPS times, then under valgrind, where there is one; what is left?
	$(TOOLS) run libclang redis valkey -- env LEAFLET_SOAK=$(STEPS) LEAFLET_SOAK_SEED=$(SEED) \
		LEAFLET_SOAK_VALGRIND=$$(command -v valgrind >/dev/null && echo $(VALGRIND_STEPS) || echo 0) \
		cargo test --test server soak

.PHONY: test-valkey
test-valkey: ## run the tests of the server on Valkey
	$(TOOLS) run libclang valkey -- sh -c 'REDIS_SERVER="$$LEAFLET_VALKEY_SERVER" exec cargo test --test server "$$@"' sh $(ARGS)

.PHONY: test-redis-8.0
test-redis-8.0: ## run them on Redis 8.0, where Debian's packages can be had
	$(TOOLS) run libclang redis-8.0 -- sh -c '[ -z "$$LEAFLET_REDIS_8_0" ] || \
		REDIS_SERVER="$$LEAFLET_REDIS_8_0" exec cargo test --test server "$$@"' sh $(ARGS)

.PHONY: check
check: ## formatting, clippy with and without the module, documentation
	cargo fmt --check
	$(TOOLS) run -- cargo clippy --all-targets --no-default-features -- -D warnings
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps

.PHONY: test-engine
test-engine: ## test the engine alone, without Redis and libclang
	$(TOOLS) run -- cargo test --no-default-features

.PHONY: test-all
test-all: ## test everything, on real servers and with Python and Node clients
	$(TOOLS) run $(TESTED) -- cargo test

.PHONY: lint
lint: ## check the shell scripts, the Dockerfile and docker-compose.yml
	bash -n .ci/run && sh -n scripts/client-python && sh -n scripts/redis-8.0
	$(TOOLS) run shellcheck -- sh -c '"$$SHELLCHECK" .ci/run scripts/client-python scripts/redis-8.0'
	$(TOOLS) run hadolint -- sh -c '"$$HADOLINT" Dockerfile'
	if docker compose version >/dev/null 2>&1; then docker compose config --quiet; fi
	$(TOOLS) run python-checks -- $(PYTHON) scripts/check_compose.py

.PHONY: check-docker
check-docker: ## carry out the Dockerfile's build stage in a clean folder
	$(TOOLS) run libclang -- $(PYTHON) scripts/check_dockerfile.py

.PHONY: server-path
server-path: ## print the path of the redis-server in use
	@$(TOOLS) path redis

.PHONY: env
env: ## print the environment for cargo by hand: eval "$$(make env)"
	@$(TOOLS) env $(TESTED)

.PHONY: clean
clean: ## remove what was built (fetched tools and data stay)
	rm -rf target fuzz/target
