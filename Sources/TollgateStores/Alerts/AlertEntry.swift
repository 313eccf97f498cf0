import Foundation
package import TollgateCore
package import TollgateRedis

/// An entry of the stream of what is to be delivered.
package struct AlertEntry: Sendable, Equatable {
    /// Its place in the stream: `1795219201123-0`.
    package var id: String
    /// What has happened to the alert.
    package var event: Alert.Event
    /// As it was after the event.
    package var alert: Alert

    package init(id: String, event: Alert.Event, alert: Alert) {
        self.id = id
        self.event = event
        self.alert = alert
    }

    /// From an item of the reply to XRANGE or XREADGROUP; `key` is the stream, for sentences that name it. Throws `.corrupt` where it
    /// is not what alert_publish.lua writes.
    package init(_ reply: RedisReply, of key: String) throws(StoreError) {
        let entry = try StreamEntry(reply, of: key)
        guard let event = entry.fields["event"].flatMap(Alert.Event.init), let json = entry.fields["alert"],
            let alert = try? JSONDecoder().decode(Alert.self, from: Data(json.utf8))
        else { throw .corrupt("\(key), entry \(entry.id): cannot be read") }
        self.init(id: entry.id, event: event, alert: alert)
    }
}
