# make bench        what the shim costs a real service, compared with the alternatives (about 4 minutes)
# make bench-quick  the same in short, for use while developing (about 30 seconds)
# make bench-micro  the pure parts alone: every bench_*.c here, linked with the rooms it may know

BENCH_ROUNDS   ?= 9
BENCH_REQUESTS ?= 100000
BENCH_OUT      := $(BUILD)/bench
BENCH_TOOLS    := $(BENCH_OUT)/load $(BENCH_OUT)/cost_write $(BENCH_OUT)/cost_start $(BENCH_OUT)/cost_outbound
BENCH_FLAGS    := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE $(COPY_FLAGS) -O2 -g
BENCH_MICRO    := $(patsubst tests/bench/%.c,$(BENCH_OUT)/%,$(wildcard tests/bench/bench_*.c))
BENCH_PURE     := $(foreach room,base event proto export conn,$(wildcard shim/$(room)/*.c))
BENCH_RUN       = /usr/bin/python3 -B tests/bench/bench.py --library $(LIB) --tools $(BENCH_OUT)

.PHONY: bench bench-quick bench-micro

bench: $(LIB) $(BENCH_TOOLS) $(BENCH_OUT)/bench_metrics $(BENCH_OUT)/bench_stacks
	@echo 'metrics (to reach: 60 ns a request; a scrape of 1000 series in 2 ms, of 10000 in 20 ms):'
	@$(BENCH_OUT)/bench_metrics
	@$(BENCH_OUT)/bench_stacks
	$(BENCH_RUN) --rounds $(BENCH_ROUNDS) --requests $(BENCH_REQUESTS) --json $(BUILD)/bench.json

bench-quick: $(LIB) $(BENCH_TOOLS)
	$(BENCH_RUN) --rounds 3 --requests 60000 --quick --json $(BUILD)/bench-quick.json

bench-micro: $(BENCH_MICRO)
	@set -e; for program in $(BENCH_MICRO); do echo "$$(basename $$program):"; timeout 120 $$program; done

$(BENCH_OUT)/bench_%: tests/bench/bench_%.c $(BENCH_PURE) $(wildcard shim/*/*.h include/octoshim/*.h) tests/bench/bench.mk | $(CALL_NAMES)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(BENCH_FLAGS) -o $@ $< $(BENCH_PURE) $(LDLIBS) -pthread

$(BENCH_OUT)/cost_%: tests/bench/cost_%.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $(filter %.c,$^) -pthread

$(BENCH_OUT)/load: tests/service/load.c tests/service/load_response.c tests/service/load.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $(filter %.c,$^)
