"""
What click says, in Chinese, by its English sentence with places.

The first that fits is taken, so what is more exact stands above.  `{message}` is itself a sentence of click's or ours.
A sentence that is not here (of another version of click) is shown in English.

Source: the messages of click 8.1 to 8.5.
"""

from __future__ import annotations

from typing import Final

CLICK: Final = {
    # the page of help
    "Usage:": "用法：",
    "Options": "选项",
    "Commands": "命令",
    "Positional arguments": "参数",
    "Show the version and exit.": "显示版本并退出。",
    "required": "必需",
    "default: {value}": "默认：{value}",
    "env var: {name}": "环境变量：{name}",
    # what is wrong with a line
    "Missing argument {name}. Choose from:\n\t{choices}": "缺少参数 {name}。可选：\n\t{choices}",
    "Missing option {name}. Choose from:\n\t{choices}": "缺少选项 {name}。可选：\n\t{choices}",
    "Missing argument {name}.": "缺少参数 {name}。",
    "Missing option {name}.": "缺少选项 {name}。",
    "Missing parameter {name}.": "缺少参数 {name}。",
    "Missing command.": "缺少命令。",
    "No such option {name}. {message}": "没有选项 {name}。{message}",
    "No such option {name}.": "没有选项 {name}。",
    "No such option: {name}": "没有选项 {name}。",
    "No such command {name}. {message}": "没有命令 {name}。{message}",
    "No such command {name}.": "没有命令 {name}。",
    "Did you mean {name}?": "您是指 {name} 吗？",
    "(Did you mean one of: {names}?)": "您是指其中之一吗：{names}？",
    "(Possible options: {names})": "您是指其中之一吗：{names}？",
    "Option {name} requires an argument.": "选项 {name} 需要一个值。",
    "Option {name} requires {count} arguments.": "选项 {name} 需要 {count} 个值。",
    "Option {name} does not take a value.": "选项 {name} 不带值。",
    "Got unexpected extra argument ({names})": "多余的参数：{names}",
    "Got unexpected extra arguments ({names})": "多余的参数：{names}",
    "Invalid value for {name}: {message}": "{name} 的值无效：{message}",
    "Invalid value: {message}": "值无效：{message}",
    "Could not open file {name}: {message}": "无法打开文件 {name}：{message}",
    # what is wrong with a value
    "{value} is not one of {choices}.": "{value} 不在 {choices} 之中。",
    "{value} is not a valid integer range.": "{value} 不是整数。",
    "{value} is not a valid float range.": "{value} 不是数。",
    "{value} is not a valid integer.": "{value} 不是整数。",
    "{value} is not a valid float.": "{value} 不是数。",
    "{value} is not a valid boolean. Recognized values: {states}": "{value} 不是布尔值；可用：{states}",
    "{value} is not in the range {range}.": "{value} 不在范围 {range} 内。",
    "File {name} does not exist.": "文件 {name} 不存在。",
    "File {name} is a directory.": "{name} 是目录，不是文件。",
    "File {name} is not readable.": "文件 {name} 不可读。",
    "File {name} is not writable.": "文件 {name} 不可写。",
    "Directory {name} does not exist.": "目录 {name} 不存在。",
    "Directory {name} is a file.": "{name} 是文件，不是目录。",
    "Directory {name} is not readable.": "目录 {name} 不可读。",
    "Directory {name} is not writable.": "目录 {name} 不可写。",
    "Path {name} does not exist.": "路径 {name} 不存在。",
    # questions
    "Error: invalid input": "错误：请回答 y 或 n",
}
