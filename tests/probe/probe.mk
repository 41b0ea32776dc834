# make test-probe   octoprobe: its pure parts, its programs run by the kernel on made-up calls, and workloads whose calls are known

PROBE_TEST_OUT := $(BUILD)/test-probe

.PHONY: test-probe

ifeq ($(PROBE_TOOLS),yes)
test-probe: $(PROBE) $(PROBE_TEST_OUT)/test_slots $(PROBE_TEST_OUT)/test_programs $(PROBE_TEST_OUT)/work
	@$(PROBE_TEST_OUT)/test_slots 2>&1 | grep -vE '^\[ +(RUN|OK) |^\[=+\] Run'
	@/usr/bin/python3 -B tests/probe/run.py --probe ./$(PROBE) --library ./$(LIB) --out $(PROBE_TEST_OUT) $(TESTS)
else
test-probe:
	@echo 'SKIPPED: octoprobe is not built: it needs clang, bpftool and libbpf-dev'
endif

$(PROBE_TEST_OUT)/test_%: tests/probe/test_%.c $(PROBE)
	@mkdir -p $(@D)
	@echo '  CC $@'
	@$(CC) $(CPPFLAGS) -I$(PROBE_OUT) -Ibpf -std=gnu11 $(WARNINGS) $(CFLAGS) -o $@ $< bpf/slots.c bpf/syscalls.c bpf/session.c bpf/readout.c shim/base/call_names.c \
	    -l:libbpf.a -lelf -lz -lm -lcmocka

$(PROBE_TEST_OUT)/work: tests/probe/work.c
	@mkdir -p $(@D)
	@$(CC) -std=gnu11 $(WARNINGS) -D_GNU_SOURCE -Iinclude -O1 -g -o $@ $<

# make bench-probe   what a system call costs more under octoprobe, and under its peers (about 3 minutes)
.PHONY: bench-probe
bench-probe: $(PROBE) $(PROBE_TEST_OUT)/work
	@/usr/bin/python3 -B tests/probe/bench.py --probe ./$(PROBE) --out $(PROBE_TEST_OUT)

# make test-probe-kernels   test-probe's on the kernels that Debian has for this release, in QEMU (about 6 minutes each without KVM)
KERNELS ?= linux-image-amd64 linux-image-6.12-amd64
.PHONY: test-probe-kernels
ifeq ($(PROBE_TOOLS),yes)
test-probe-kernels: $(PROBE) $(LIB) $(PROBE_TEST_OUT)/test_programs $(PROBE_TEST_OUT)/work
	@tests/probe/kernels --out $(BUILD)/kernels --seconds 900 $(KERNELS) -- \
	    /usr/bin/python3 -B tests/probe/run.py --probe ./$(PROBE) --library ./$(LIB) --out $(PROBE_TEST_OUT) --tries 2 $(TESTS)
else
test-probe-kernels: test-probe
endif
