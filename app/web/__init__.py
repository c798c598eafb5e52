"""The gateways' door, the JSON API, the phone page, health.

Nothing here decides; it asks and translates.
"""
