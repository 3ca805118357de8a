"""The service on one machine: a Prefect server, its workers and MLflow, started and watched."""
