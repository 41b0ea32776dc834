# Unit tests: every tests/unit/test_*.c is one cmocka program, linked with all of shim/ below hook/.
#
#   make test-unit         all of them, as the library is compiled
#   make test-unit-asan    the same under AddressSanitizer and UndefinedBehaviorSanitizer
#   make test-unit-tsan    those in TSAN_TESTS under ThreadSanitizer

UNIT_ROOMS   := base event proto export conn
UNIT_SOURCES := $(foreach room,$(UNIT_ROOMS),$(wildcard shim/$(room)/*.c))
UNIT_TESTS   := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
TSAN_TESTS   ?= $(filter test_ring test_ring_intents test_table test_random test_logline test_held,$(UNIT_TESTS))

UNIT_FLAGS   := -std=gnu11 -Wall -Wextra -Werror -Wno-missing-field-initializers -Itests/unit
UNIT_SHIM    := $(filter-out -flto%,$(SHIM_FLAGS)) # the same objects go into many programs
UNIT_LDLIBS  := -lcmocka -ljansson -lz -lpthread

UNIT_ASAN    := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
UNIT_TSAN    := -fsanitize=thread -fno-omit-frame-pointer -O1 -g

# $(call unit_flavour,name,compiler and linker flags): programs in $(BUILD)/unit-<name>/
define unit_flavour
UNIT_OBJECTS_$(1) := $$(UNIT_SOURCES:%.c=$$(BUILD)/unit-$(1)/%.o)

$$(BUILD)/unit-$(1)/shim/%.o: shim/%.c Makefile tests/unit/unit.mk | $$(CALL_NAMES)
	@mkdir -p $$(@D)
	@echo '  CC $$< ($(1))'
	@$$(CC) $$(CPPFLAGS) $$(UNIT_SHIM) $(2) -MMD -MP -c -o $$@ $$<

$$(BUILD)/unit-$(1)/tests/%.o: tests/unit/%.c Makefile tests/unit/unit.mk
	@mkdir -p $$(@D)
	@echo '  CC $$< ($(1))'
	@$$(CC) $$(CPPFLAGS) $$(UNIT_FLAGS) $(2) -MMD -MP -c -o $$@ $$<

$$(BUILD)/unit-$(1)/test_%: $$(BUILD)/unit-$(1)/tests/test_%.o $$(UNIT_OBJECTS_$(1))
	@$$(CC) $(2) -o $$@ $$^ $$(UNIT_LDLIBS)

.SECONDARY: $$(UNIT_OBJECTS_$(1)) $$(UNIT_TESTS:%=$$(BUILD)/unit-$(1)/tests/%.o)
-include $$(UNIT_OBJECTS_$(1):.o=.d) $$(wildcard $$(BUILD)/unit-$(1)/tests/*.d)
endef

$(eval $(call unit_flavour,plain,$(CFLAGS)))
$(eval $(call unit_flavour,asan,$(UNIT_ASAN)))
$(eval $(call unit_flavour,tsan,$(UNIT_TSAN)))

# $(call unit_run,programs): runs them all, says which failed, fails if one did. A hung one is ended.
define unit_run
	@failed=; for t in $(1); do \
	    if timeout 300 $$t >$$t.log 2>&1; then echo "ok    $${t##*/}: $$(grep -c '\[       OK' $$t.log) tests"; \
	    else echo "FAIL  $${t##*/}"; cat $$t.log; failed="$$failed $${t##*/}"; fi; \
	done; [ -z "$$failed" ] || { echo "unit tests failed:$$failed"; exit 1; }
endef

.PHONY: test-unit test-unit-asan test-unit-tsan
test-unit: $(UNIT_TESTS:%=$(BUILD)/unit-plain/%)
	$(call unit_run,$^)

test-unit-asan: $(UNIT_TESTS:%=$(BUILD)/unit-asan/%)
	$(call unit_run,$^)

test-unit-tsan: $(TSAN_TESTS:%=$(BUILD)/unit-tsan/%)
	$(call unit_run,$^)
