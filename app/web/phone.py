from flask import Blueprint
from app.office import Office


def blueprint(office: Office) -> Blueprint:
    return Blueprint("phone", __name__)
