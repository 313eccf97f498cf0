import Testing

@testable import TollgateLedger

@Suite struct ProducerNamesTests {
    @Test("a name whose last batch may not have been applied is unused until that is known, and few names suffice")
    func resting() {
        var names = ProducerNames()
        var used: Set<String> = []
        var last: [String: Int64] = [:]
        for _ in 0..<100 {
            let identity = names.next()
            #expect(identity.sequence > last[identity.producer, default: 0])
            last[identity.producer] = identity.sequence
            used.insert(identity.producer)
            names.setAside(identity)
            #expect(names.next().producer != identity.producer)
            names.release(identity)
        }
        #expect(used.count == 2)
    }

    @Test("names set aside at the same time are all different, and those of another ledger are not used")
    func several() {
        var names = ProducerNames()
        let doubtful = (0..<5).map { _ in
            let identity = names.next()
            names.setAside(identity)
            return identity
        }
        #expect(Set(doubtful.map(\.producer)).count == 5)
        names.release(BatchIdentity(producer: "other", sequence: 1))
        names.setAside(doubtful[0])
        names.release(doubtful[2])
        names.release(doubtful[2])
        let current = names.next()
        names.setAside(current)
        #expect(names.next().producer == doubtful[2].producer)
        #expect(ProducerNames().base != names.base)
    }
}
