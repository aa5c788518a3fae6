"""Edit one section of an AWS INI file as a careful person would: what is not ours stays as it is, byte for byte."""

from .editing import Outcome, edit_file
from .text import check_header, remarks_on, remove_keys, set_values

__all__ = ["Outcome", "check_header", "edit_file", "remarks_on", "remove_keys", "set_values"]
