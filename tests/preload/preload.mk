# The preload programs: each behaviour bare and shimmed. See tests/preload/run.

PRELOAD_RUN := tests/preload/run --build $(BUILD)/preload

.PHONY: test-preload test-preload-valgrind
test-preload: $(LIB) $(STACK)
	$(PRELOAD_RUN) $(PRELOAD)

test-preload-valgrind: $(LIB) $(STACK)
	$(PRELOAD_RUN) --valgrind $(PRELOAD)
