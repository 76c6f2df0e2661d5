"""The worker: durable workflows of evaluations, periodic jobs, and the heartbeat that shows which workers are alive."""
