# make test-service   real servers, bare and preloaded, driven by real clients (about 6 minutes)
#   TESTS="nginx php" runs the tests whose names, with their file (test_death.reload), contain one of these words

SERVICE_OUT := $(BUILD)/service

# make test-service-rules   the servers again, each under rules that look at everything (about 5 minutes; not in make test)

.PHONY: test-service test-service-rules

test-service: $(LIB) $(OTLP) $(STACK) $(SERVICE_OUT)/load $(SERVICE_OUT)/octoshim-otlp $(SERVICE_OUT)/node_modules
	OCTO_TEST_LIBRARY=$(abspath $(LIB)) OCTO_TEST_BUILD=$(abspath $(SERVICE_OUT)) \
	    /usr/bin/python3 -B tests/service/run.py $(TESTS)

test-service-rules:
	OCTO_TEST_CONFIG=$(abspath tests/rules.json) $(MAKE) test-service \
	    TESTS="test_servers test_death test_modes test_sinks test_metrics"

$(SERVICE_OUT)/load: tests/service/load.c tests/service/load_response.c tests/service/load.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -O2 -g -o $@ $(filter %.c,$^)

# Under sanitizers, for what no receiver and no record may do to it.
$(SERVICE_OUT)/octoshim-otlp: $(wildcard scripts/otlp/*) $(wildcard shim/export/*.[ch]) $(OTLP)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -I$(BUILD)/otlp -std=gnu11 $(WARNINGS) -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -o $@ \
	    $(wildcard scripts/otlp/*.c) $$(find $(BUILD)/otlp -name '*.pb-c.c') shim/base/call_names.c $(patsubst %,shim/%.c,event/crash $(addprefix export/,put target encode encode_crash form)) \
	    -l:libprotobuf-c.a -l:libjansson.a -lz -lcurl

$(SERVICE_OUT)/node_modules: tests/service/package.json tests/service/package-lock.json
	@mkdir -p $(@D)
	cp $^ $(@D)
	cd $(@D) && npm ci --silent --no-audit --no-fund
	@touch $@
