"""The control plane, as boto3 sees it and as no client should send it."""
