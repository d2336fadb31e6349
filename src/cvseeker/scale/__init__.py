"""Beyond one machine: the stages' own functions, mapped over a Ray cluster."""

from cvseeker.scale.ray import ray_mapper, run_on_ray

__all__ = ["ray_mapper", "run_on_ray"]
