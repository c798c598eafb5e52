"""Contacts behind their vault, staff, consent. Phone numbers leave here only to be sent to."""
