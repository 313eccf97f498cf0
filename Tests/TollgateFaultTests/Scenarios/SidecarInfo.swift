import Foundation

/// Of a sidecar's INFO, what the fault tests look at.
struct SidecarInfo: Decodable {
    struct Journal: Decodable {
        /// What waits to be counted.
        var operations: Int
        /// What could not be.
        var rejected: Int
    }

    struct Redis: Decodable {
        struct Health: Decodable {
            /// How often Redis was found to have lost what was counted.
            var dataLosses: Int
        }

        var health: Health
    }

    var journal: Journal
    var redis: Redis

    init(json: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        self = try decoder.decode(SidecarInfo.self, from: Data(json.utf8))
    }
}
