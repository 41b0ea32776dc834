# make test-deploy   Prometheus' configuration and rules, Grafana's dashboards; and the checks on broken copies (a minute)

.PHONY: test-deploy

test-deploy:
	/usr/bin/python3 -B tests/deploy/run
