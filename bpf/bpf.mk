# octoprobe: the programs in the kernel, and what loads and reads them. Without clang, bpftool or libbpf it is left out, and said so.

PROBE        := octoprobe
PROBE_OUT    := $(BUILD)/bpf
PROBE_PARTS  := $(wildcard bpf/[!p]*.c) $(filter-out %.bpf.c,$(wildcard bpf/p*.c))
# The server of metrics, and what reads the settings of where it listens, are the library's own.
PROBE_SHIM   := $(patsubst %,$(BUILD)/shim/%.o,base/call_names base/settings_metrics base/text proto/framer proto/head proto/field proto/endpoint \
                export/answer export/bulk export/put export/scrape export/http_request export/listen export/gzip)
PROBE_ARCH   := $(shell uname -m | sed 's/x86_64/x86/; s/aarch64/arm64/')
PROBE_TOOLS  := $(shell command -v clang >/dev/null && command -v bpftool >/dev/null && \
                printf '\#include <bpf/libbpf.h>\n' | $(CC) -E -xc - >/dev/null 2>&1 && echo yes)

.PHONY: probe
ifeq ($(PROBE_TOOLS),yes)
all: $(PROBE)
probe: $(PROBE)
else
all: no-probe
probe: no-probe
.PHONY: no-probe
no-probe:
	@echo '  octoprobe is left out: it needs clang, bpftool and libbpf-dev'
endif

$(PROBE_OUT)/probe.bpf.o: bpf/probe.bpf.c $(wildcard bpf/*.h) include/octoshim/seat.h
	@mkdir -p $(@D)
	@echo '  BPF $<'
	@clang -O2 -g -target bpf -mcpu=v3 -D__TARGET_ARCH_$(PROBE_ARCH) $(WARNINGS) -Wno-missing-prototypes -Wno-unused-parameter \
	    -Iinclude -I/usr/include/$(shell $(CC) -print-multiarch) -c -o $(@:.o=.raw.o) $<
	@bpftool gen object $@ $(@:.o=.raw.o)

$(PROBE_OUT)/probe.skel.h: $(PROBE_OUT)/probe.bpf.o
	@bpftool gen skeleton $< name probe_bpf > $@.new && mv $@.new $@

$(PROBE): $(PROBE_PARTS) $(PROBE_SHIM) $(PROBE_OUT)/probe.skel.h $(wildcard bpf/*.h)
	@echo '  CC $@'
	@$(CC) $(CPPFLAGS) -I$(PROBE_OUT) -Ibpf -std=gnu11 $(WARNINGS) $(CFLAGS) -o $@ $(PROBE_PARTS) $(PROBE_SHIM) \
	    -l:libbpf.a -l:libjansson.a -lelf -lz -lm

ifeq ($(PROBE_TOOLS),yes)
install: install-probe
.PHONY: install-probe
install-probe: $(PROBE)
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/sbin,755,$(PROBE))
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/share/man/man8,644,scripts/man/octoprobe.8)
endif
