"""Places, services, fees, closed days, targets and groups: data that officers keep as CSV files.

`cells` says what one cell may hold, `layouts` which columns a file has, `files` turns a folder
into a Registry or into all its problems, `references` checks what one row says of another,
`loading` puts it into the database, `places` refuses codes that it does not have. Queries and
dataclasses are in `app.storage.registry`.
"""
