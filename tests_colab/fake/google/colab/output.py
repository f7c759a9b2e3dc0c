"""The page under a cell: there is none here, so what would change it is only noted."""

from google.colab import calls


def clear(wait=False, output_tags=()):
    calls.append(("clear", wait))


def enable_custom_widget_manager():
    calls.append(("enable_custom_widget_manager",))


def disable_custom_widget_manager():
    calls.append(("disable_custom_widget_manager",))


def no_vertical_scroll():
    calls.append(("no_vertical_scroll",))


def register_callback(function_name, callback):
    calls.append(("register_callback", function_name))


def eval_js(script, ignore_result=False, timeout_sec=None):
    calls.append(("eval_js", script))
