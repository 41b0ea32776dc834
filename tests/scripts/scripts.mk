# The scripts and the doctor: octoshim-run, --check, make install, the layer check, set-up.

.PHONY: test-scripts
test-scripts: all
	@CC='$(CC)' MAKE='$(MAKE)' BUILD='$(BUILD)' tests/scripts/run
