"""The operations of EventBridge, by what they are on."""
