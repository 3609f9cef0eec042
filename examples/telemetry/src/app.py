"""Greets whoever the event names."""


def handler(event: dict[str, str], context: object) -> str:
    print("greeting", event["name"])
    return f"Hello, {event['name']}!"
