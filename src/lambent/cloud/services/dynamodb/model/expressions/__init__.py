"""DynamoDB's expressions: text to tokens to a tree, bound to names and values, then evaluated on items.

A tree is made once for each text (`parser`), then bound to the placeholders of a request (`binding`).
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""
