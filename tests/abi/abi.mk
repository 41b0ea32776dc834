# What liboctoshim.so shows to others and asks of them, against lists that change only on purpose.

.PHONY: test-abi abi-exports
test-abi: $(LIB)
	@tests/abi/check $(LIB) $(BUILD)/shim
	@tests/abi/selftest $(CC)

# After a row was added to shim/hook/hooks.def: look at the difference before it is committed.
abi-exports: $(LIB)
	nm -D --defined-only $(LIB) | awk '{ print $$NF }' | LC_ALL=C sort > tests/abi/exports.txt
