# Short names for the scripts in deploy/. The one thing that must be there is a
# Rust toolchain; servers are installed and run by the scripts, below .dev/.

.DEFAULT_GOAL := help
.PHONY: help demo clients run up down test check bench bench-night soak faults servers

help: ## show this
	@sed -n 's/^\([a-z]*\): ## /  make \1\t/p' Makefile | expand -t 16

demo: ## send a text message, an email and a letter through the whole system, and show what happens
	@deploy/local/system with deploy/demo/run

clients: ## run every method of the official Python and Node clients against the contract
	@deploy/local/system with deploy/clients/run

run: ## start the whole system, print its URLs and keys, stop it on Ctrl-C
	@deploy/local/system run

up: ## start the whole system in the background; its settings are in .dev/env
	@deploy/local/system up

down: ## stop all that was started
	@deploy/local/system down
	@deploy/local/servers down

test: ## run every test
	@deploy/local/test

check: ## run what continuous integration runs
	@deploy/local/check

bench: ## measure; results are in .dev/bench.json
	@deploy/local/bench

bench-night: ## measure the night, and a large job, on a database of six million rows
	@deploy/local/bench-night

soak: ## a million tasks while workers, connections and the broker break
	@deploy/local/soak

faults: ## break one thing after another under load, and say what became of every message
	@deploy/local/faults

servers: ## start PostgreSQL, RabbitMQ, Redis and clamd only, and print the variables for tests
	@deploy/local/servers up
	@deploy/local/servers env test
