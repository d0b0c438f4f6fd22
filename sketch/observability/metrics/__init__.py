"""Metrics: what an application has done and is doing, for Prometheus. Loaded by applications that have them alone."""

from sketch.observability.metrics.metrics import METRICS as METRICS, Metrics as Metrics
