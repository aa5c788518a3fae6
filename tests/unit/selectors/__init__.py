"""Certificates chosen by what stands in them."""
