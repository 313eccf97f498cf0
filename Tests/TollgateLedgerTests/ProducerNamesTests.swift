import Testing

@testable import TollgateLedger

@Suite struct ProducerNamesTests {
    @Test("a name whose last batch is in doubt rests until that is settled, and few names serve for ever")
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

    @Test("names in doubt at the same time are all different, and another ledger's are not taken over")
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
