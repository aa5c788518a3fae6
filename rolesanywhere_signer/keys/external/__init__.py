"""Keys that sign elsewhere: in a callable, in a command, in an ssh-agent. What comes back is checked each time."""

from __future__ import annotations

from .callable_key import CallableKey
from .command_key import CommandKey
from .ssh_agent import SshAgentKey

__all__ = ["CallableKey", "CommandKey", "SshAgentKey"]
