"""Machines that a person trains on: reached by ssh, probed, and provided with what is missing."""
