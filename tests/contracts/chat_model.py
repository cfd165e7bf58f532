"""What every chat model must do. Inherit, and supply the fixture `chat_model`, with a name that tables can show."""

from __future__ import annotations

import pytest

from recexplainer.chat.model import ChatModel, Conversation, Message


class ChatModelContract:
    """Suite for a chat model that answers the same conversation in the same way."""

    @pytest.fixture
    def chat_model(self) -> ChatModel:
        raise NotImplementedError("supply the chat model under test")

    @pytest.fixture
    def conversations(self) -> list[Conversation]:
        texts = ["Alpine Open", "Would the recommender suggest “Iron Petals”, and why?", "a " * 40, "b"]
        return [(Message("user", text),) for text in texts]

    def test_it_has_a_name(self, chat_model: ChatModel) -> None:
        assert chat_model.name.strip()

    def test_no_conversation_has_no_answer(self, chat_model: ChatModel) -> None:
        assert chat_model.answer([]) == []

    def test_each_conversation_has_one_answer_with_text_or_none(
        self, chat_model: ChatModel, conversations: list[Conversation]
    ) -> None:
        answers = chat_model.answer(conversations)
        assert len(answers) == len(conversations)
        assert all(answer is None or answer.strip() for answer in answers)

    def test_answers_depend_on_the_conversation_alone(
        self, chat_model: ChatModel, conversations: list[Conversation]
    ) -> None:
        answers = chat_model.answer(conversations)
        assert chat_model.answer(conversations[::-1]) == answers[::-1]
        assert chat_model.answer(conversations[1:2]) == answers[1:2]
        assert chat_model.answer([conversations[0]] * 3) == [answers[0]] * 3

    def test_earlier_turns_are_taken(self, chat_model: ChatModel, conversations: list[Conversation]) -> None:
        earlier = (*conversations[3], Message("assistant", "c"), Message("user", "Alpine Open"))
        assert len(chat_model.answer([earlier])) == 1
