# Fuzzing with libFuzzer (clang). Every fuzz_*.c here is one target; its first corpus is corpus/<target>/.
#
#   make fuzz           each for FUZZ_SECONDS (600), from its corpus on; finds go to $(BUILD)/fuzz/found/
#   make fuzz-short     each for 10 seconds
#   make fuzz-corpus    each over its corpus, nothing else
#   make fuzz-laxer     what the oracles accept and we do not: the table of LAXER.md, compared with it

FUZZ_CC       ?= clang
FUZZ_SECONDS  ?= 600
FUZZ_OUT      := $(BUILD)/fuzz
FUZZ_TARGETS  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_ROOMS    := base event proto export
FUZZ_SOURCES  := $(foreach room,$(FUZZ_ROOMS),$(wildcard shim/$(room)/*.c))
FUZZ_OBJECTS  := $(FUZZ_SOURCES:%.c=$(FUZZ_OUT)/%.o)
FUZZ_SAN      := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_FLAGS    := -std=gnu11 -Wall -Wextra -Werror -Wno-missing-field-initializers -Itests/unit -Itests/fuzz -O1 -g
FUZZ_LLHTTP   := /usr/share/llhttp
ORACLE_OBJECTS := $(FUZZ_OUT)/oracle_http_parser.o $(FUZZ_OUT)/oracle_llhttp.o $(FUZZ_OUT)/llhttp/llhttp.o \
                  $(FUZZ_OUT)/llhttp/api.o $(FUZZ_OUT)/llhttp/http.o

$(FUZZ_OUT)/shim/%.o: shim/%.c Makefile tests/fuzz/fuzz.mk | $(CALL_NAMES)
	@mkdir -p $(@D)
	@echo '  CC $< (fuzz)'
	@$(FUZZ_CC) $(CPPFLAGS) $(filter-out -flto%,$(SHIM_FLAGS)) -O1 -g $(FUZZ_SAN) -MMD -MP -c -o $@ $<

$(FUZZ_OUT)/%.o: tests/fuzz/%.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@echo '  CC $< (fuzz)'
	@$(FUZZ_CC) $(CPPFLAGS) $(FUZZ_FLAGS) -I/usr/share/include/llhttp $(FUZZ_SAN) -MMD -MP -c -o $@ $<

# Not ours: as it is, without sanitizers.
$(FUZZ_OUT)/llhttp/%.o: $(FUZZ_LLHTTP)/%.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@echo '  CC $< (fuzz)'
	@$(FUZZ_CC) -w -O1 -g -I/usr/share/include/llhttp -c -o $@ $<

$(FUZZ_OUT)/fuzz_framer: $(ORACLE_OBJECTS)
$(FUZZ_OUT)/fuzz_%: $(FUZZ_OUT)/fuzz_%.o $(FUZZ_OBJECTS)
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ -lhttp_parser -ljansson -lz -lpthread

$(FUZZ_OUT)/laxer: $(FUZZ_OUT)/laxer.o $(FUZZ_OBJECTS) $(ORACLE_OBJECTS)
	@$(FUZZ_CC) -fsanitize=address,undefined -o $@ $^ -lhttp_parser -ljansson -lz -lpthread

$(FUZZ_OUT)/seeds: $(FUZZ_OUT)/seeds.o
	@$(FUZZ_CC) -fsanitize=address,undefined -o $@ $^

.SECONDARY: $(FUZZ_OBJECTS) $(FUZZ_TARGETS:%=$(FUZZ_OUT)/%.o)
-include $(FUZZ_OBJECTS:.o=.d) $(wildcard $(FUZZ_OUT)/*.d)

# $(call fuzz_run,seconds): each target in turn; its new inputs stay in $(FUZZ_OUT)/corpus, not in the tree.
define fuzz_run
	@set -e; for t in $(FUZZ_TARGETS); do \
	    mkdir -p $(FUZZ_OUT)/corpus/$$t $(FUZZ_OUT)/found; \
	    if ! $(FUZZ_OUT)/$$t -max_total_time=$(1) -max_len=4096 -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
	        -artifact_prefix=$(FUZZ_OUT)/found/$$t- $(FUZZ_OUT)/corpus/$$t $$(ls -d tests/fuzz/corpus/$$t 2>/dev/null) \
	        >$(FUZZ_OUT)/$$t.log 2>&1; \
	    then tail -n 40 $(FUZZ_OUT)/$$t.log; echo "FAIL  $$t"; exit 1; fi; \
	    echo "ok    $$t: $$(sed -n 's/^stat::number_of_executed_units: *//p' $(FUZZ_OUT)/$$t.log) inputs"; \
	done
endef

.PHONY: fuzz fuzz-short fuzz-corpus fuzz-seeds fuzz-laxer
fuzz: $(FUZZ_TARGETS:%=$(FUZZ_OUT)/%)
	$(call fuzz_run,$(FUZZ_SECONDS))

fuzz-short: $(FUZZ_TARGETS:%=$(FUZZ_OUT)/%)
	$(call fuzz_run,10)

fuzz-corpus: $(FUZZ_TARGETS:%=$(FUZZ_OUT)/%)
	@set -e; for t in $(FUZZ_TARGETS); do \
	    if ! $(FUZZ_OUT)/$$t -runs=0 $$(ls -d tests/fuzz/corpus/$$t 2>/dev/null) >$(FUZZ_OUT)/$$t.log 2>&1; \
	    then tail -n 40 $(FUZZ_OUT)/$$t.log; echo "FAIL  $$t"; exit 1; fi; \
	    echo "ok    $$t: $$(ls tests/fuzz/corpus/$$t 2>/dev/null | wc -l) inputs"; \
	done

fuzz-seeds: $(FUZZ_OUT)/seeds
	$< tests/fuzz/corpus

fuzz-laxer: $(FUZZ_OUT)/laxer
	@sed -nE 's/^(\|[^|]*\|[^|]*\|[^|]*\|).*/\1/p' tests/fuzz/LAXER.md >$(FUZZ_OUT)/laxer.table
	@$< | diff -u $(FUZZ_OUT)/laxer.table - && echo 'ok    LAXER.md'
