"""The same credentials over local HTTP: EC2's instance metadata (IMDSv2) and the container endpoint, as WSGI apps.

``server`` runs them with waitress, which comes with the extra: ``pip install "rolesanywhere-signer[serve]"``.
"""
