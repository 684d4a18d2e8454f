"""What transformers 5.18 makes of conversations: texts and ids. Writes tokenizers/chat.json. The templates are ours, in the
manner of those that models have: markers around turns, roles by other names, trimmed contents, exceptions, thoughts that are cut.

    python3 make_chat.py
"""

import json
from pathlib import Path

from transformers import PreTrainedTokenizerFast

HERE = Path(__file__).parent

TEMPLATES = {
    "markers": """{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}""",
    "headers": """{{ bos_token }}{% for message in messages %}
{%- set content = '<|header|>' + message['role'] + '<|end_header|>\\n\\n' + message['content'] | trim + '<|eot|>' %}
{{- content }}{% endfor %}{% if add_generation_prompt %}{{ '<|header|>assistant<|end_header|>\\n\\n' }}{% endif %}""",
    "instructions": """{%- if messages[0].role == 'system' -%}{%- set system = messages[0].content -%}{%- set rest = messages[1:] -%}{%- else -%}{%- set system = '' -%}{%- set rest = messages -%}{%- endif -%}
{{- bos_token -}}
{%- for message in rest -%}
{%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}{{- raise_exception('roles must alternate user/assistant') -}}{%- endif -%}
{%- if message.role == 'user' -%}{{- '[INST] ' + (('<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n') if loop.first and system else '') + message.content.strip() + ' [/INST]' -}}
{%- else -%}{{- ' ' + message.content.strip() + ' ' + eos_token -}}{%- endif -%}
{%- endfor -%}""",
    "model turns": """{{ bos_token }}{% for message in messages %}{% set role = 'model' if message.role == 'assistant' else message.role %}<turn>{{ role }}
{{ message.content | trim }}<end>
{% endfor %}{% if add_generation_prompt %}<turn>model
{% endif %}""",
    "thoughts": """{% for message in messages %}{% set content = message.content %}{% if message.role == 'assistant' and '</think>' in content %}{% set content = content.split('</think>')[-1].lstrip('\\n') %}{% endif %}<|{{ message.role }}|>{{ content }}{{ eos_token }}
{% endfor %}{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}{% endif %}""",
    "parts": """{% for message in messages %}{{ message.role }}: {% if message.content is string %}{{ message.content }}{% else %}{% for part in message.content %}{% if part.type == 'text' %}{{ part.text | trim }}{% endif %}{% endfor %}{% endif %}
{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}""",
}

USER = {"role": "user", "content": "The girl had a ball. user"}
SYSTEM = {"role": "system", "content": "Be  brief.\n"}
REPLY = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nShe had a ball."}
MORE = {"role": "user", "content": "  And the girl?  "}
CONVERSATIONS = {
    "one": [USER],
    "system": [SYSTEM, USER],
    "long": [SYSTEM, USER, REPLY, MORE],
    "answered": [USER, REPLY],
    "twice the same": [USER, {"role": "assistant", "content": "ball"}, USER],
    "odd": [USER, {"role": "assistant", "content": "<|im_end|> ﬁ 🙂 日本"}, {"role": "user", "content": "user"}],
    "empty": [{"role": "system", "content": ""}, USER],
    "two users": [USER, MORE],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "The "}, {"type": "text", "text": " ball"}]}],
}


def outcome(tokenizer, messages, template, **options):
    try:
        text = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False, **options)
    except Exception as error:
        return {"error": str(error)}
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    encoded = tokenizer.apply_chat_template(messages, chat_template=template, **options)
    assert list(encoded["input_ids"]) == list(ids), (encoded, ids)
    return {"text": text, "ids": list(ids)}


if __name__ == "__main__":
    tokenizer = PreTrainedTokenizerFast.from_pretrained(HERE / "gpt2/model")
    cases = []
    for style, template in TEMPLATES.items():
        for name, messages in CONVERSATIONS.items():
            if name == "parts" and style != "parts":
                continue
            last = messages[-1]["role"] == "assistant"
            calls = [{"add_generation_prompt": True}, {"add_generation_prompt": False}]
            if last and style != "thoughts":
                calls.append({"continue_final_message": True})
            if style == "thoughts":
                calls.append({"add_generation_prompt": True, "enable_thinking": False})
            for options in calls:
                result = outcome(tokenizer, messages, template, **options)
                cases.append({"style": style, "name": name, "messages": messages, "options": options, **result})
    data = {"templates": TEMPLATES, "cases": cases}
    (HERE / "tokenizers/chat.json").write_text(json.dumps(data, indent=1) + "\n")
    print(len(cases), sum("error" in case for case in cases))
