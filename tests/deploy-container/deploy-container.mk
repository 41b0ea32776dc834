# deploy/container: Dockerfile, compose.yaml and kubernetes.yaml, checked and rehearsed (about a minute).

.PHONY: test-deploy-container
test-deploy-container:
	@tests/deploy-container/run
