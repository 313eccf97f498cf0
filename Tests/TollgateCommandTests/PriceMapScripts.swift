/// Python that reads the price maps of installed packages, and compares price files with them. Each script ends with
/// status 1 and what differs.
enum PriceMapScripts {
    /// Prints the path of the price map of litellm, without importing the package.
    static let liteLLMPath = """
        import importlib.util, pathlib
        [folder] = importlib.util.find_spec("litellm").submodule_search_locations
        print(pathlib.Path(folder) / "model_prices_and_context_window_backup.json", end="")
        """

    /// Prints the price map of genai-prices as JSON of the form that the project publishes, without extractors.
    static let genAIMap = #"""
        import dataclasses, datetime, json, re
        from decimal import Decimal
        from genai_prices import types
        from genai_prices.data import providers

        def plain(value):
            if isinstance(value, types.ModelPrice):
                return {key: plain(price) for key, price in vars(value).items() if price is not None}
            if dataclasses.is_dataclass(value):
                fields = {field.name.rstrip("_"): getattr(value, field.name) for field in dataclasses.fields(value)}
                return {key: plain(field) for key, field in fields.items() if field is not None and key != "extractors"}
            if isinstance(value, list):
                return [plain(item) for item in value]
            if isinstance(value, Decimal):
                return f"@{value}@"
            return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else value

        # A Decimal is a number in the JSON, with all of its digits.
        print(re.sub(r'"@([^"]*)@"', r"\1", json.dumps(plain(providers))), end="")
        """#

    /// Compares a price file with the price map of LiteLLM. Arguments: the map, the file. Prints how many rates are equal.
    static let compareLiteLLM = """
        import json, sys
        from decimal import Decimal
        import yaml

        ITEMS = {
            "input": (10**6, ["input_cost_per_token"]),
            "output": (10**6, ["output_cost_per_token"]),
            "cache_read": (10**6, ["cache_read_input_token_cost", "input_cost_per_token_cache_hit"]),
            "cache_write": (10**6, ["cache_creation_input_token_cost"]),
            "request": (1, ["input_cost_per_request", "input_cost_per_query"]),
            "image": (1, ["output_cost_per_image", "input_cost_per_image"]),
            "minute": (60, ["output_cost_per_video_per_second", "output_cost_per_second", "input_cost_per_second"]),
        }
        MEDIA = ["audio_transcription", "audio_speech", "video_generation", "realtime"]
        PARTS = {"azure_text": "azure", "bedrock_converse": "bedrock", "cohere_chat": "cohere"}

        def rates(entry):
            result = {}
            for item, (factor, fields) in ITEMS.items():
                if item == "minute" and entry.get("mode") not in MEDIA: continue
                if item == "request" and entry.get("mode") == "embedding": continue
                values = [entry[field] * factor for field in fields if entry.get(field) is not None]
                if values: result[item] = next((value for value in values if value), Decimal(0))
            return result

        def is_exact(value): return value * 10**12 % 1 == 0

        with open(sys.argv[1]) as file: source = json.load(file, parse_float=Decimal, parse_int=Decimal)
        with open(sys.argv[2]) as file: prices = yaml.load(file, yaml.BaseLoader)["prices"]
        equal, seen, different = 0, set(), {}
        for key, entry in source.items():
            entry = source[entry["alias_of"]] if "alias_of" in entry else entry
            word = entry.get("litellm_provider", "")
            provider = PARTS.get(word, word.removeprefix("text-completion-"))
            for start in ("vertex_ai", "fireworks_ai"):
                if word.startswith(start + "-"): provider = start
            start = next((s for s in (provider, word, provider.replace("_", "-")) if key.startswith(s + "/")), None)
            name = key[len(start) + 1:] if start else key
            if name.startswith("ft:"): name += "*"
            expected = rates(entry)
            found = prices.get(provider, {}).get(name)
            if found is None:
                # Nothing that could have been imported is missing.
                assert not any(expected.values()) or not all(map(is_exact, expected.values())) or "/*/" in key, key
            elif {item: Decimal(text) for item, text in found.items()} == expected:
                equal += len(expected)
                seen.add((provider, name))
            else:
                different[provider, name] = (key, found, expected)
        # Of two keys with the same name, one has the price of the file.
        assert different.keys() <= seen, {name: different[name] for name in different.keys() - seen}
        assert len(different) < 10, different
        assert seen == {(p, name) for p, models in prices.items() for name in models}
        print(equal)
        """

    /// Compares a price file with genai-prices, at several dates. Argument: the file. Prints how many rates are equal.
    static let compareGenAI = """
        import sys
        from datetime import date
        from decimal import Decimal
        from genai_prices.data import providers
        from genai_prices.types import StartDateConstraint
        import yaml

        ITEMS = {
            "input": (1, ["input_mtok"]), "output": (1, ["output_mtok"]), "cache_read": (1, ["cache_read_mtok"]),
            "cache_write": (1, ["cache_write_mtok"]), "request": (1000, ["requests_kcount", "rerank_searches_kcount"]),
            "minute": (60, ["audio_hours", "input_audio_hours", "output_audio_hours"]),
        }

        def price_at(model, day):
            if not isinstance(model.prices, list): return model.prices
            result = model.prices[0].prices
            for item in model.prices:
                starts = item.constraint.start_date if isinstance(item.constraint, StartDateConstraint) else None
                if item.constraint is None or starts and starts <= day: result = item.prices
            return result

        def rates(price):
            result = {}
            for item, (divisor, fields) in ITEMS.items():
                values = [getattr(price, field) for field in fields if getattr(price, field) is not None]
                values = [getattr(value, "base", value) / divisor for value in values]
                if values: result[item] = next((value for value in values if value), Decimal(0))
            return result

        def step_at(steps, day):
            if isinstance(steps, dict): return steps
            step = [step for step in steps if step.get("from", "0") <= day.isoformat()][-1]
            return {item: text for item, text in step.items() if item != "from"}

        with open(sys.argv[1]) as file: prices = yaml.load(file, yaml.BaseLoader)["prices"]
        equal = 0
        for provider in providers:
            names = prices.get(provider.id, {})
            for name, steps in names.items():
                model = provider.find_model(name.removesuffix("*"))
                for day in (date(2023, 1, 2), date(2025, 6, 1), date(2026, 4, 1), date(2026, 9, 1), date(2026, 11, 30)):
                    found = {item: Decimal(text) for item, text in step_at(steps, day).items()}
                    assert found == rates(price_at(model, day)), (provider.id, name, day)
                    equal += len(found)
            # A model without a price of its own does not have that of another one.
            for model in provider.models:
                starts = [name for name in names if name.endswith("*") and model.id.startswith(name[:-1])]
                name = model.id if model.id in names else max(starts, key=len, default=None)
                if name is None: continue
                assert provider.find_model(name.removesuffix("*")) is provider.find_model(model.id), (provider.id, name)
        print(equal)
        """
}
