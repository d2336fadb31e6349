"""Rankers × a data set → metrics, run files and a report."""
