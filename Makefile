# octoshim: build, test, install. `make help` lists the targets.

PREFIX     ?= /usr/local
DESTDIR    ?=
BUILD      ?= build
ifeq ($(origin CC),default)
CC         := gcc
endif
VERSION    := 0.1.0

LIB        := liboctoshim.so
OTLP       := octoshim-otlp
STACK      := octoshim-stack
ROOMS      := base event proto export conn hook
SOURCES    := $(foreach room,$(ROOMS),$(wildcard shim/$(room)/*.c))
OBJECTS    := $(SOURCES:%.c=$(BUILD)/%.o)

# What every object is compiled with: see ARCHITECTURE.md, "How it is built".
CPPFLAGS   := -Ishim -Iinclude -I$(BUILD)/include -D_GNU_SOURCE -U_FORTIFY_SOURCE -DOCTO_VERSION='"$(VERSION)"'
WARNINGS   := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
CFLAGS     ?= -O2 -g
SHIM_FLAGS := -std=gnu11 $(WARNINGS) -fPIC -fvisibility=hidden -ftls-model=initial-exec \
              -fno-stack-protector -fcf-protection=full -fasynchronous-unwind-tables -fexceptions \
              -fno-semantic-interposition -fno-plt -flto=auto
# gcc on x86-64 copies a few bytes of unknown number by `rep movs`, which takes 18 ns to start. clang does not.
COPY       := unrolled_loop:256:noalign,libcall:-1:noalign
COPY_FLAGS := $(shell printf 'int x;' | $(CC) -mmemcpy-strategy=$(COPY) -xc -fsyntax-only - 2>/dev/null && \
              echo -mmemcpy-strategy=$(COPY) -mmemset-strategy=$(COPY))
LIB_FLAGS  := $(SHIM_FLAGS) $(COPY_FLAGS) $(CFLAGS)
LDFLAGS    := -shared $(LIB_FLAGS) -Wl,-soname,$(LIB) -Wl,-z,relro,-z,now,-z,nodelete,-z,initfirst,-z,noexecstack \
              -Wl,--no-undefined -Wl,--exclude-libs,ALL -Wl,--as-needed
LDLIBS     := -l:libjansson.a -l:libz.a

.PHONY: all clean help
all: $(LIB)

$(LIB): $(OBJECTS) $(BUILD)/exports.map
	@echo '  LD $@'
	@$(CC) $(LDFLAGS) -Wl,--version-script,$(BUILD)/exports.map -o $@ $(OBJECTS) $(LDLIBS)

# The exported names are the rows of the hook table, the one by which Node knows an addon (hook/node.c), and the one by which those outside
# find what a thread is on (conn/thread_context.c). The node stays anonymous: a named one would disable every hook (H3).
$(BUILD)/exports.map: shim/hook/hooks.def Makefile
	@mkdir -p $(@D)
	@{ echo '{ global:'; \
	   sed -nE 's/^HOOK\([A-Z]+, [^,]+, (\w+),.*/  \1;/p; s/^ALIAS\([A-Z]+, (\w+),.*/  \1;/p' $<; \
	   echo '  napi_register_module_v1; otel_thread_ctx_v1;'; echo 'local: *; };'; } > $@

# What is made before anything is compiled: names of system calls, from the kernel's headers.
CALL_NAMES := $(BUILD)/include/syscall_names.h
$(CALL_NAMES): Makefile
	@mkdir -p $(@D)
	@printf '#include <asm/unistd.h>\n' | $(CC) -E -dM -xc - | sed -nE 's/^#define __NR_(\w+) ([0-9]+)$$/[\2] = "\1",/p' | \
	    sort -V > $@

$(BUILD)/%.o: %.c Makefile | $(CALL_NAMES)
	@mkdir -p $(@D)
	@echo '  CC $<'
	@$(CC) $(CPPFLAGS) $(LIB_FLAGS) -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d)
-include $(wildcard bpf/*.mk tests/*/*.mk scripts/*.mk)

clean:
	rm -rf $(BUILD) $(LIB) $(OTLP) $(STACK) $(PROBE)
