"""The local Roles Anywhere and the CA for tests."""
