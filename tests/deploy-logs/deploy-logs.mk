# deploy/logs: the log agents' configurations and the LogQL queries. Runs those agents that are installed.

.PHONY: test-deploy-logs
test-deploy-logs:
	@tests/deploy-logs/run
