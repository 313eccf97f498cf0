package import TollgateCore

extension ProviderKind {
    /// The address of the provider's API.
    package var standardBaseURL: String {
        switch self {
        case .anthropic: "https://api.anthropic.com"
        case .openai: "https://api.openai.com"
        case .openrouter: "https://openrouter.ai"
        case .github: "https://api.github.com"
        }
    }
}

/// The parts of an organization whose usage is read. An empty list does not filter.
package struct ProviderFilters: Equatable, Sendable {
    package var workspaceIDs: [String]
    package var projectIDs: [String]
    package var apiKeyIDs: [String]

    package init(workspaceIDs: [String] = [], projectIDs: [String] = [], apiKeyIDs: [String] = []) {
        self.workspaceIDs = workspaceIDs
        self.projectIDs = projectIDs
        self.apiKeyIDs = apiKeyIDs
    }

    /// The lists by their names in queries.
    var lists: [(name: String, ids: [String])] {
        [("workspace_ids", workspaceIDs), ("project_ids", projectIDs), ("api_key_ids", apiKeyIDs)]
    }
}

/// The way to an account at a provider: address, credential and filters.
package struct ProviderAccess: Sendable {
    /// An error in the settings of an account. The sentence names the setting, and quotes no secret.
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let description: String
    }

    package let kind: ProviderKind
    /// The address without a slash at the end.
    package let baseURL: String
    package let credential: ProviderCredential
    package let filters: ProviderFilters

    /// Creates the access to an account.
    ///
    /// - Parameter baseURL: The address of the API without the paths of the facts, such as `http://127.0.0.1:8080`; nil for
    ///   the provider's own.
    package init(
        kind: ProviderKind, baseURL: String? = nil, credential: ProviderCredential,
        filters: ProviderFilters = ProviderFilters()
    ) throws(Fault) {
        self.kind = kind
        self.credential = credential
        self.filters = filters
        self.baseURL = try Self.checked(baseURL ?? kind.standardBaseURL)
        for (name, ids) in filters.lists where !ids.isEmpty {
            guard kind.filters.contains(name) else {
                throw Fault(description: "\(name): not known to \(kind.rawValue)")
            }
            guard ids.count <= ProviderKind.maxIDs else {
                throw Fault(description: "\(name): more than \(ProviderKind.maxIDs) ids")
            }
            guard Set(ids).count == ids.count else { throw Fault(description: "\(name): an id twice") }
            guard ids.allSatisfy(ProviderKind.isID) else {
                throw Fault(
                    description:
                        "\(name): expected ids of at most \(ProviderKind.maxIDLength) letters, digits, - and _")
            }
        }
    }

    private static func checked(_ text: String) throws(Fault) -> String {
        guard let address = ProviderAddress.checked(text) else {
            throw Fault(description: "base_url: \(ProviderAddress.expectation)")
        }
        return address
    }
}
