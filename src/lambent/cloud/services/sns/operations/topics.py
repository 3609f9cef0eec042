"""Topics: made, removed, listed, and their attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from lambent.cloud.framework.context import RequestContext
from lambent.cloud.framework.paging import page_read
from lambent.cloud.framework.service import Parameters, Result, operation
from lambent.cloud.services.sns import repository
from lambent.cloud.services.sns.errors import invalid_parameter, topic_not_found
from lambent.cloud.services.sns.model import topic as model
from lambent.cloud.services.sns.model.names import TopicName, topic_of
from lambent.cloud.services.sns.model.topic import Topic
from lambent.cloud.services.sns.operations.common import PAGE, change_topic, listing, position_of, the_topic
from lambent.cloud.services.sns.operations.tags import check_tags, tags_in
from lambent.cloud.store.unit_of_work import Reader, Store, Transaction


class TopicOperations:
    """The operations on topics."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @operation("CreateTopic")
    async def create(self, context: RequestContext, parameters: Parameters) -> Result:
        """Create a topic, or return the one that is there, unless it is a different one."""
        given: Mapping[str, str] = parameters.get("Attributes") or {}
        attributes = model.new_attributes(parameters["Name"], given)
        tags = tags_in(parameters.get("Tags"))
        check_tags(tags, {}, context)
        name = TopicName(context.scope, parameters["Name"])
        new = Topic(0, name, attributes, tags, parameters.get("DataProtectionPolicy") or "")
        if not self._is_there(self._store.read, new):
            await self._store.write(lambda transaction: self._create(transaction, new))
        return {"TopicArn": name.arn}

    def _create(self, transaction: Transaction, new: Topic) -> None:
        if not self._is_there(transaction, new):
            repository.add_topic(transaction, new.name, new)

    def _is_there(self, reader: Reader, new: Topic) -> bool:
        """Whether such a topic is there; raises InvalidParameter for one that differs."""
        found = repository.topic(reader, new.name)
        if found is None:
            return False
        if model.differs(found, new.attributes):
            raise invalid_parameter("Attributes Reason: Topic already exists with different attributes")
        if any(found.tags.get(key) != value for key, value in new.tags.items()):
            raise invalid_parameter("Tags Reason: Topic already exists with different tags")
        return True

    @operation("DeleteTopic")
    async def delete(self, context: RequestContext, parameters: Parameters) -> Result:
        """Delete a topic with its subscriptions; one that is not there is gone already."""
        name = topic_of(parameters["TopicArn"], context.scope)

        def delete(transaction: Transaction) -> None:
            found = repository.topic(transaction, name)
            if found is not None:
                repository.delete_topic(transaction, found.id)

        await self._store.write(delete)
        return {}

    @operation("ListTopics")
    async def list(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a page of topics."""
        after = position_of(parameters.get("NextToken"))
        found = page_read(
            repository.topics(self._store.read, context.scope, after, PAGE + 1), lambda name: name.name, limit=PAGE
        )
        return listing("Topics", found, lambda name: {"TopicArn": name.arn})

    @operation("GetTopicAttributes")
    async def get_attributes(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return a topic's attributes."""
        found = the_topic(self._store.read, context, parameters["TopicArn"])
        return {"Attributes": found.shown(*repository.counts(self._store.read, found.id))}

    @operation("SetTopicAttributes")
    async def set_attribute(self, context: RequestContext, parameters: Parameters) -> Result:
        """Set one of a topic's attributes."""
        attribute, value = parameters["AttributeName"], parameters.get("AttributeValue", "")

        def work(transaction: Transaction) -> None:
            found = the_topic(transaction, context, parameters["TopicArn"])
            changed = dataclasses.replace(found, attributes=model.changed_attributes(found, attribute, value))
            confirmed, pending = repository.counts(transaction, found.id)
            model.check_large(changed, repository.protocols(transaction, found.id), confirmed + pending)
            repository.change_topic(transaction, changed)

        await self._store.write(work)
        return {}

    @operation("AddPermission")
    async def add_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Let accounts carry out actions: one statement more in the topic's policy."""
        label, accounts, actions = parameters["Label"], parameters["AWSAccountId"], parameters["ActionName"]
        await change_topic(
            self._store,
            context,
            parameters["TopicArn"],
            lambda topic: _with_policy(topic, model.with_permission(topic, label, accounts, actions)),
        )
        return {}

    @operation("RemovePermission")
    async def remove_permission(self, context: RequestContext, parameters: Parameters) -> Result:
        """Take a statement from the topic's policy."""
        label = parameters["Label"]
        await change_topic(
            self._store,
            context,
            parameters["TopicArn"],
            lambda topic: _with_policy(topic, model.without_permission(topic, label)),
        )
        return {}

    @operation("PutDataProtectionPolicy")
    async def put_data_protection(self, context: RequestContext, parameters: Parameters) -> Result:
        """Keep a data protection policy; messages are not looked through."""
        policy = parameters["DataProtectionPolicy"]
        model.check_data_protection(policy)
        await change_topic(
            self._store,
            context,
            parameters["ResourceArn"],
            lambda topic: dataclasses.replace(topic, data_protection=policy),
        )
        return {}

    @operation("GetDataProtectionPolicy")
    async def get_data_protection(self, context: RequestContext, parameters: Parameters) -> Result:
        """Return the data protection policy that was put."""
        found = repository.topic(self._store.read, topic_of(parameters["ResourceArn"], context.scope))
        if found is None:
            raise topic_not_found()
        return {"DataProtectionPolicy": found.data_protection}


def _with_policy(topic: Topic, policy: str) -> Topic:
    return dataclasses.replace(topic, attributes={**topic.attributes, model.POLICY: policy})
