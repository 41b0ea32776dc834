# Set-up, demo, lint, doctor, metrics command, installation, and `make test`, which runs every suite of the other fragments.

DOCTOR        := $(BUILD)/octoshim-doctor
DOCTOR_PARTS  := $(wildcard scripts/doctor/*.c)
# The settings are the library's own. fortify.c stays out: a static libc has those names.
DOCTOR_BASE   := $(patsubst %,$(BUILD)/shim/base/%.o,settings settings_parse settings_metrics settings_exporter settings_json text random)
DOCTOR_FLAGS  := -std=gnu11 $(WARNINGS) -D_GNU_SOURCE

METRICS_TOOL  := $(BUILD)/octoshim-metrics
METRICS_PARTS := $(wildcard scripts/metrics/*.c)
# What reads the segment and shows it is the library's own, and what that is made of.
METRICS_SHIM  := $(patsubst %,$(BUILD)/shim/%.o,base/cpu base/random base/text proto/framer proto/head proto/field \
                 event/ring event/segment event/segment_file event/metrics event/owners event/exemplar \
                 export/put export/bulk export/account export/expose)

TEST_SUITES   := test-abi test-unit test-preload test-scripts test-service test-deploy test-deploy-logs \
                 test-deploy-container fuzz-short test-unit-asan \
                 test-unit-tsan test-preload-valgrind lint

SHELL_INSTALL  = install -d $(1) && install -m $(2) $(3) $(1)

.PHONY: setup demo test lint format install uninstall doctor metrics

all: $(DOCTOR) $(METRICS_TOOL)
doctor: $(DOCTOR)
metrics: $(METRICS_TOOL)

# Static, so that it runs in whatever image the service lives in.
$(DOCTOR): $(DOCTOR_PARTS) $(DOCTOR_BASE) scripts/doctor/elf_file.h shim/base/settings.h
	@mkdir -p $(@D)
	@echo '  CC $@'
	@$(CC) -static $(CPPFLAGS) $(DOCTOR_FLAGS) $(CFLAGS) -o $@ $(DOCTOR_PARTS) $(DOCTOR_BASE) $(LDLIBS)

$(METRICS_TOOL): $(METRICS_PARTS) $(METRICS_SHIM) scripts/metrics/parts.h
	@mkdir -p $(@D)
	@echo '  CC $@'
	@$(CC) -static $(CPPFLAGS) $(DOCTOR_FLAGS) $(CFLAGS) -o $@ $(METRICS_PARTS) $(METRICS_SHIM)

setup:
	@scripts/setup

demo:
	@scripts/setup build demo
	@$(MAKE) --no-print-directory all
	@scripts/demo

test: setup
	@$(MAKE) --no-print-directory all
	@MAKE='$(MAKE)' scripts/test $(TEST_SUITES)

lint:
	@scripts/lint

format:
	@scripts/lint --format

install: all
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/lib/octoshim,755,$(LIB))
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/lib/octoshim,644,scripts/octoshim.js)
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/bin,755,scripts/octoshim-run)
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/libexec/octoshim,755,$(DOCTOR) $(METRICS_TOOL))
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/include/octoshim,644,$(wildcard include/octoshim/*))
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/share/man/man1,644,scripts/man/octoshim-run.1)
	$(call SHELL_INSTALL,$(DESTDIR)$(PREFIX)/share/man/man7,644,scripts/man/octoshim.7)

uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/lib/octoshim $(DESTDIR)$(PREFIX)/libexec/octoshim $(DESTDIR)$(PREFIX)/include/octoshim
	rm -f $(DESTDIR)$(PREFIX)/bin/octoshim-run $(DESTDIR)$(PREFIX)/share/man/man1/octoshim-run.1 \
	      $(DESTDIR)$(PREFIX)/share/man/man7/octoshim.7

help:
	@echo 'make            liboctoshim.so, octoshim-doctor and octoshim-metrics'
	@echo 'make demo       installs what is missing, builds, and shows one request in three services'
	@echo 'make test       installs what is missing, builds, and runs every test'
	@echo 'make setup      only installs what is missing'
	@echo 'make SUITE      one of: $(TEST_SUITES)'
	@echo 'make fuzz       fuzzes for longer'
	@echo 'make test-service-rules   the real servers again, under rules that look at everything (about 5 minutes)'
	@echo 'make bench      what the shim costs nginx, next to the alternatives (about 4 minutes)'
	@echo 'make format     puts the C files into the house format'
	@echo 'make install    PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)'
	@echo 'make uninstall, make clean'
