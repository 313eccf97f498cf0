import Foundation
import HTTPTypes
import Testing
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("The OpenAPI document")
struct OpenAPITests {
    private static let methods = ["get", "put", "post", "delete", "patch", "head", "options", "trace"]

    private var operations: [(method: String, path: String, operation: [String: JSONValue])] {
        (OpenAPIDocument.json.members?["paths"]?.members ?? [:]).flatMap { path, item in
            (item.members ?? [:]).filter { Self.methods.contains($0.key) }.map {
                ($0.key, path, $0.value.members ?? [:])
            }
        }
    }

    @Test("lists exactly the routes of the router")
    func routes() async throws {
        try await withAdmin(waits: false) { admin in
            let routes = AdminAPI(server: admin.server, policyFile: "").routes
            let there = routes.map { "\($0.method.rawValue.lowercased()) \($0.path)" }.sorted()
            #expect(there == operations.map { "\($0.method) \($0.path)" }.sorted())
            for route in routes {
                let operation = operations.first {
                    $0.path == route.path && $0.method == route.method.rawValue.lowercased()
                }
                let isOpen = operation?.operation["security"] == .array([])
                #expect(isOpen == (route.permission == .open), "\(route.path)")
                guard !isOpen else { continue }
                let roles = operation?.operation["x-roles"]?.items?.compactMap(\.text) ?? []
                let expected = Role.allCases.filter { $0.allows(route.permission) }.map(\.rawValue)
                #expect(Set(roles) == Set(expected), "\(route.method) \(route.path)")
            }
        }
    }

    @Test("describes the responses and the permission of every operation")
    func complete() throws {
        let document = try #require(OpenAPIDocument.json.members)
        #expect(document["openapi"]?.text?.hasPrefix("3.1") == true)
        let isSecuredByDefault = document["security"]?.items?.isEmpty == false
        #expect(!operations.isEmpty)
        for (method, path, operation) in operations {
            let responses = operation["responses"]?.members ?? [:]
            #expect(responses.keys.contains { $0.hasPrefix("2") }, "\(method) \(path)")
            let isOpen = operation["security"] == .array([])
            #expect(isOpen || isSecuredByDefault || operation["security"] != nil, "\(method) \(path)")
            if !isOpen {
                for status in ["401", "403"] { #expect(responses[status] != nil, "\(method) \(path) \(status)") }
            }
            #expect(operation["operationId"]?.text != nil, "\(method) \(path)")
        }
        let identifiers = operations.compactMap { $0.operation["operationId"]?.text }
        #expect(Set(identifiers).count == identifiers.count)
    }

    @Test("is served as JSON to everyone")
    func served() async throws {
        try await withAdmin(waits: false) { admin in
            let answer = try await admin.ask("GET", "/openapi.json", token: nil)
            #expect(answer.status == 200)
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.json == OpenAPIDocument.json)
        }
    }

    @Test(
        "is valid OpenAPI 3.1",
        .enabled(if: Python.hasValidator, "needs a Python with the package openapi-spec-validator: run scripts/test"))
    func valid() async throws {
        let folder = try TemporaryFolder()
        let text = String(decoding: try JSONEncoder().encode(OpenAPIDocument.json), as: UTF8.self)
        let path = try folder.write(text, to: "openapi.json")
        let result = try await Command.run(Python.program, ["-m", "openapi_spec_validator", path])
        #expect(result.status == 0, "\(result.output)\(result.errors)")
    }
}
