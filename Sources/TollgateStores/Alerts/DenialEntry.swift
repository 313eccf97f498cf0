import Foundation
package import TollgateCore

/// A denial event with its place in the stream; in JSON that is `id` beside the rest.
package struct DenialEntry: Sendable, Equatable, Encodable {
    /// `1795219201123-0`
    package var id: String
    package var event: DenialEvent

    package init(id: String, event: DenialEvent) {
        self.id = id
        self.event = event
    }

    private enum CodingKeys: String, CodingKey {
        case id
    }

    package func encode(to encoder: any Encoder) throws {
        try event.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
    }
}
