import Foundation
import Testing
import TollgateTestSupport

/// The price maps that litellm and genai-prices ship are imported in full.
@Suite(.enabled(if: Python.hasPriceMaps, "needs a Python with litellm and genai-prices: run scripts/test"))
struct PriceMapTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func python(_ script: String, _ arguments: String...) async throws -> String {
        let command = try await Command.run(Python.program, ["-c", script] + arguments, workingFolder: folder.path)
        #expect(command.status == 0, "\(command.errors)")
        return command.output
    }

    /// Imports a map to `prices.yaml`, and returns the report.
    private func imported(_ path: String) async throws -> [String: Any] {
        let command = try await Command.run(
            SidecarProcess.program, ["prices", "import", path, "--output", "prices.yaml", "--json"],
            workingFolder: folder.path)
        #expect(command.status == 0 && command.output.isEmpty, "\(command.errors)")
        let report = try JSONSerialization.jsonObject(with: Data(command.errors.utf8)) as? [String: Any]
        let size = try FileManager.default.attributesOfItem(atPath: folder.path + "/prices.yaml")[.size] as? Int
        #expect(try #require(size) < 1 << 19)
        return try #require(report)
    }

    /// Starts a sidecar with the file, and records a call that costs something.
    private func serve(recording fields: String, costs: String) async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: "", arguments: ["--redis", "\(redis.address)", "--prices", folder.path + "/prices.yaml"])
        let reply = try await sidecar.client().ask("RECORD user=alice \(fields)")
        #expect(reply == ["OK cost=\(costs)"], "\(sidecar.log)")
    }

    @Test("every price of LiteLLM's map is exact, and a sidecar starts with them")
    func liteLLM() async throws {
        let path = try await python(PriceMapScripts.liteLLMPath)
        let report = try await imported(path)
        #expect(report["format"] as? String == "LiteLLM")
        #expect(try #require(report["prices"] as? Int) > 4_400)
        #expect(try #require(report["providers"] as? Int) > 110)
        let equal = try await python(PriceMapScripts.compareLiteLLM, path, folder.path + "/prices.yaml")
        #expect(try #require(Int(equal.trimmingCharacters(in: .newlines))) > 11_000)
        let tokens = "input_tokens=1000000 output_tokens=1000000"
        try await serve(recording: "provider=openai model=gpt-4o-mini \(tokens)", costs: "0.75")
    }

    @Test("every price of genai-prices is exact at its date, and a sidecar starts with them")
    func genAIPrices() async throws {
        let map = try folder.write(try await python(PriceMapScripts.genAIMap), to: "data.json")
        let report = try await imported(map)
        #expect(report["format"] as? String == "genai-prices")
        #expect(try #require(report["prices"] as? Int) > 3_300)
        #expect(try #require(report["providers"] as? Int) > 45)
        let equal = try await python(PriceMapScripts.compareGenAI, folder.path + "/prices.yaml")
        #expect(try #require(Int(equal.trimmingCharacters(in: .newlines))) > 40_000)
        let tokens = "input_tokens=1000000 output_tokens=1000000"
        try await serve(recording: "provider=anthropic model=claude-3-5-haiku-20241022 \(tokens)", costs: "4.8")
    }
}
