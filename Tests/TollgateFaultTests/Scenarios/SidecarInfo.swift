import Foundation

/// The parts of a sidecar's STATUS that the fault tests read.
struct SidecarInfo: Decodable {
    struct Journal: Decodable {
        /// The number of waiting operations.
        var operations: Int
        /// The number of rejected records.
        var rejected: Int
    }

    struct Redis: Decodable {
        struct Health: Decodable {
            /// The number of losses of Redis's data that were found.
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
