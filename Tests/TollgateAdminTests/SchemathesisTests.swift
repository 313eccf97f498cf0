import Foundation
import Testing
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

/// Property-based requests from the OpenAPI document, valid and invalid. Each response must conform to the document,
/// and none may be an internal error.
@Suite(
    "Property-based requests",
    .enabled(if: Python.hasSchemathesis, "needs a Python with schemathesis: run scripts/test"))
struct SchemathesisTests {
    private static let policy = """
        history: [user, tool]
        defaults:
          user: { requests: { 1m: 20 }, cost: { month: { max: 5, thresholds: [50] } }, concurrent: 3 }
        scopes:
          tool:search: { tokens: { 1h: { max: 1000, mode: shadow } } }
        tiers: { basic: { name: Basic, limits: { cost: { month: 100 } } } }
        assignments:
          - { user: alice, tier: basic }
          - { default: true, tier: basic }
        """

    /// The checks of each response.
    private static let checks = [
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
        "response_schema_conformance", "negative_data_rejection", "unsupported_method", "allow_header_conformance",
    ]

    /// The phases: each field at and beyond its bounds for the role admin, which may use all routes, and random values.
    private static func phases(_ role: Role) -> String {
        role == .admin ? "examples,coverage,fuzzing" : "examples,fuzzing"
    }

    @Test("with the token of each role", arguments: [Role.admin, .viewer, .caller])
    func role(_ role: Role) async throws {
        try await withAdmin(policy: Self.policy) { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            _ = try await admin.raiseAlerts()
            let folder = try TemporaryFolder()
            let address = "http://127.0.0.1:\(port)"
            let result = try await Command.run(
                Python.program,
                [
                    "-m", "schemathesis.cli", "run", "\(address)/openapi.json", "--url", address, "-H",
                    "Authorization: Bearer \(AdminHarness.tokens[role] ?? "")", "--checks",
                    Self.checks.joined(separator: ","), "--phases", Self.phases(role), "--max-examples", "3",
                    "--continue-on-failure", "--suppress-health-check", "all", "--generation-database", "none",
                    "--seed", "1", "--no-shrink", "--no-color", "--warnings", "off",
                ], workingFolder: folder.path,
                // Each field of each route has its cases; beside other tests they take more than two minutes.
                patience: 400)
            #expect(result.status == 0, "\(result.output)\(result.errors)")
            let faults = admin.log.text.split(separator: "\n").filter { $0.hasPrefix("error") }
            #expect(faults.isEmpty, "\(faults)")
        }
    }
}
