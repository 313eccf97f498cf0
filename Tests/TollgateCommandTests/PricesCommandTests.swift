import Foundation
import Testing
import TollgateTestSupport

/// The command `tollgate prices`.
@Suite struct PricesCommandTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func prices(_ words: String..., environment: [String: String] = [:]) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, ["prices"] + words, workingFolder: folder.path, environment: environment)
    }

    private static let map = """
        {"sample_spec": {"litellm_provider": "one of …"},
         "gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05,
                    "input_cost_per_token_batches": 1.25e-06},
         "groq/llama-3.1-8b": {"litellm_provider": "groq", "input_cost_per_token": 5e-08},
         "groq/free": {"litellm_provider": "groq", "input_cost_per_token": 0.0},
         "groq/odd": {"litellm_provider": "groq", "input_cost_per_token": 1.00000000000000001e-08},
         "groq/none": {"litellm_provider": "groq"}}
        """

    private static let file = """
        currency: USD
        prices:
          openai:
            gpt-4o: { input: 2.5, output: 10 }
            "gpt-4o*": [{ input: 3 }, { from: 2026-03-01, input: 2, cache_read: 0.5 }]
          azure:
            gpt-4o: { input: 2.75, output: 11 }
            default: { input: 9, request: 0.01 }

        """

    @Test("import prints a price file, and a report on standard error")
    func printed() async throws {
        try folder.write(Self.map, to: "map.json")
        let command = try await prices("import", "map.json")
        #expect(
            command.output == """
                # Prices of models in US dollars: of a million tokens, and of a request, image or minute.
                # Imported by tollgate prices import from map.json (LiteLLM):
                # 3 prices of 2 providers; 2 entries of the map not imported
                currency: USD
                prices:
                  groq:
                    free: { input: 0 }
                    llama-3.1-8b: { input: 0.05 }
                  openai:
                    gpt-4o: { input: 2.5, output: 10 }

                """)
        #expect(
            command.errors == """
                map.json: 5 entries of LiteLLM
                imported: 3, as 3 prices of 2 providers; 1 of the prices is 0 throughout, as in the map
                not imported: 2
                      1  no price: groq/none
                      1  a price with more than 12 decimals: groq/odd
                fields not imported: 1, by the number of their values
                      1  input_cost_per_token_batches

                """)
        #expect(command.status == 0)
    }

    @Test("import --output replaces the file at once, with mode 644, and leaves nothing else")
    func output() async throws {
        try folder.write(Self.map, to: "map.json")
        try folder.write("old", to: "real.yaml")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: folder.path + "/real.yaml")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/prices.yaml", withDestinationPath: "real.yaml")
        let command = try await prices("import", "map.json", "--output", "prices.yaml", "--provider", "groq", "--json")
        #expect(command.status == 0 && command.output.isEmpty, "\(command.errors)")
        #expect(command.errors.hasPrefix(#"{"entries":5,"fields":{},"format":"LiteLLM","free_prices":1,"imported":2,"#))
        let text = try String(contentsOfFile: folder.path + "/real.yaml", encoding: .utf8)
        #expect(text.hasSuffix("  groq:\n    free: { input: 0 }\n    llama-3.1-8b: { input: 0.05 }\n"))
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/real.yaml")
        #expect(attributes[.posixPermissions] as? Int == 0o644)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                == ["map.json", "prices.yaml", "real.yaml"])
    }

    @Test("import of a bad file exits with 2, and leaves the output as it is")
    func failed() async throws {
        try folder.write("old", to: "prices.yaml")
        try folder.write(Self.map, to: "map.json")
        try folder.write("{\n\"a\": 01}", to: "bad.json")
        try folder.write(String(repeating: " ", count: 32 << 20) + "1", to: "large.json")
        for (words, sentence) in [
            (["none.json"], "none.json: does not exist"),
            (["bad.json"], "bad.json:2: is not valid JSON: expected a number without leading zeros"),
            (["large.json"], "large.json: is larger than 32 MiB"),
            (["map.json", "--provider", "grok"], "map.json: no provider grok; did you mean groq?"),
        ] {
            let command = try await Command.run(
                SidecarProcess.program, ["prices", "import", "--output", "prices.yaml"] + words,
                workingFolder: folder.path)
            #expect(command.errors == sentence + "\n")
            #expect(command.status == 2 && command.output.isEmpty)
        }
        let unwritable = try await prices("import", "map.json", "--output", "none/prices.yaml")
        #expect(unwritable.errors == "none/prices.yaml: cannot be written: No such file or directory\n")
        #expect(unwritable.status == 2)
        #expect(try String(contentsOfFile: folder.path + "/prices.yaml", encoding: .utf8) == "old")
    }

    @Test("a map whose price file would be too large is not imported as a whole")
    func tooLarge() async throws {
        let entries = (0..<40_000).map {
            #""a/model-\#($0)": {"litellm_provider": "a", "input_cost_per_token": 1e-06}"#
        }
        let other = #""b/model": {"litellm_provider": "b", "input_cost_per_token": 1e-06}"#
        try folder.write("{\(entries.joined(separator: ",")),\(other)}", to: "map.json")
        let whole = try await prices("import", "map.json")
        #expect(
            whole.errors
                == "map.json: the price file would be larger than 1 MiB; choose providers with --provider\n")
        #expect(whole.status == 2 && whole.output.isEmpty)
        #expect(try await prices("import", "map.json", "--provider", "b").status == 0)
    }

    @Test("check says how many prices a file has, or what is wrong with it")
    func check() async throws {
        try folder.write(Self.file, to: "prices.yaml")
        let good = try await prices("check", "prices.yaml")
        #expect(good.output == "prices.yaml: valid; 4 prices of 2 providers in USD\n")
        #expect(good.status == 0 && good.errors.isEmpty)
        #expect(try await prices("check", "prices.yaml", "--json").output == #"{"valid":true,"warnings":[]}"# + "\n")
        try folder.write("prices:\n  openai:\n    gpt-4o: { input: cheap }\n", to: "bad.yaml")
        let bad = try await prices("check", "bad.yaml")
        #expect(bad.errors.hasPrefix("bad.yaml:3: prices.openai.gpt-4o.input: expected a decimal number"))
        #expect(bad.status == 2 && bad.output.isEmpty)
        let json = try await prices("check", "bad.yaml", "--json")
        #expect(json.output.hasPrefix(#"{"errors":[{"line":3,"message":"expected a decimal number"#))
        #expect(json.output.hasSuffix(#""path":"prices.openai.gpt-4o.input"}],"valid":false}"# + "\n"))
        #expect(json.status == 2 && json.errors.isEmpty)
        #expect(try await prices("check", "none.yaml").errors == "none.yaml: does not exist\n")
    }

    @Test("list prints a row for each price, and only the columns that a price has")
    func list() async throws {
        try folder.write(Self.file, to: "prices.yaml")
        #expect(
            try await prices("list", "prices.yaml").output == """
                provider  model    input  output  cache read  request  from
                azure     gpt-4o    2.75      11           -        -  -
                azure     default      9       -           -     0.01  -
                openai    gpt-4o     2.5      10           -        -  -
                openai    gpt-4o*      3       -           -        -  -
                openai    gpt-4o*      2       -         0.5        -  2026-03-01

                """)
        let json = try await prices("list", "prices.yaml", "--provider", "azure", "--json")
        #expect(
            json.output == """
                {"currency":"USD","items":[{"name":"gpt-4o","prices":{"input":"2.75","output":"11"},"provider":"azure"},\
                {"name":"default","prices":{"input":"9","request":"0.01"},"provider":"azure"}]}

                """)
    }

    @Test("list --model says which entry each provider uses for a model, and which one counts without a provider")
    func model() async throws {
        try folder.write(Self.file, to: "prices.yaml")
        #expect(
            try await prices("list", "prices.yaml", "--model", "gpt-4o").output == """
                provider  entry   match  input  output
                azure     gpt-4o  exact   2.75      11
                openai    gpt-4o  exact    2.5      10

                Without a provider, a request has the price of azure, gpt-4o, the dearest of them.

                """)
        #expect(
            try await prices("list", "prices.yaml", "--model", "gpt-4o-mini").output == """
                provider  entry    match    input  cache read  request  from
                azure     default  default      9           -     0.01  -
                openai    gpt-4o*  prefix       3           -        -  -
                openai    gpt-4o*  prefix       2         0.5        -  2026-03-01

                Without a provider, a request has the price of openai, gpt-4o*.

                """)
        #expect(
            try await prices("list", "prices.yaml", "--model", "o1").output.hasSuffix(
                "a request has no price: a default counts only for a provider that is named.\n"))
        let json = try await prices("list", "prices.yaml", "--model", "o1", "--json")
        #expect(json.output.contains(#""match":"default","name":"default""#))
        for (words, sentence) in [
            (["--provider", "x"], "no provider x"),
            (["--provider", "openai", "--model", "o1"], "no price for the model o1"),
        ] {
            let command = try await Command.run(
                SidecarProcess.program, ["prices", "list", "prices.yaml"] + words, workingFolder: folder.path)
            #expect(command.errors == "prices.yaml: \(sentence)\n")
            #expect(command.status == 2 && command.output.isEmpty)
        }
    }

    @Test("the commands refuse unknown TOLLGATE_ variables", arguments: ["import", "check", "list"])
    func unknownVariable(command: String) async throws {
        let command = try await prices(command, "f", environment: ["TOLLGATE_NAMESPCE": "x"])
        #expect(command.errors.hasPrefix("TOLLGATE_NAMESPCE: unknown environment variable"))
        #expect(command.status == 2)
    }
}
