//! What others want of a node while it runs: new params, a hint, a pause.
//!
//! They leave it in the node's inbox and ring the bell of its worker, which looks into it between two calls. The data
//! path pays one load of a flag for it. The inbox is bounded; whoever waits for an answer is told at once when none will
//! come, because the node has left or its call hangs.

use crate::exec::doorbell::Doorbell;
use crate::exec::hint::Hint;
use crate::exec::sys::{AtomicBool, Ordering};
use crate::graph::apply_change;
use crate::telemetry::counter::Counter;
use crossbeam_channel::{Receiver, Sender, bounded};
use serde_json::{Map, Value};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Updates that may wait for one node.
const UPDATES_MAX: usize = 64;
/// Hints that may wait for one node, each of another name or for another output.
const HINTS_MAX: usize = 32;

/// Params as they stand in the graph.
pub(crate) type Params = Map<String, Value>;

/// The inbox of a node, and what its worker shares with those who write to it.
#[derive(Debug)]
pub(crate) struct NodeControl {
    has_mail: AtomicBool,
    is_paused: AtomicBool,
    inbox: Mutex<Inbox>,
    bell: Arc<Doorbell>,
    /// Hints that the node has heard.
    pub(crate) hints: Counter,
    /// Hints whose place a newer one of the same name took.
    pub(crate) hints_coalesced: Counter,
    /// Hints that nobody heard: the inbox was full, the node has left, or nobody was upstream.
    pub(crate) hints_dropped: Counter,
}

#[derive(Debug)]
struct Inbox {
    /// With what the next instance is made.
    params: Params,
    updates: VecDeque<Update>,
    hints: VecDeque<Hint>,
    /// Who waits for the answer of the update that is under way.
    asker: Option<Sender<Answer>>,
    /// The node takes nothing any more.
    is_closed: bool,
    next_id: u64,
}

#[derive(Debug)]
struct Update {
    id: u64,
    change: Params,
    asker: Sender<Answer>,
}

/// What became of an update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The params hold.
    Done,
    /// The plugin refused, and the old params hold.
    Refused(String),
    /// The call was the instance's last.
    Lost(String),
    /// The node has left.
    Gone,
}

/// An update that was left in the inbox.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) id: u64,
    pub(crate) answer: Receiver<Answer>,
}

/// Why an update is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotPosted {
    /// The node has left.
    Gone,
    /// Too many updates wait already.
    Full,
}

/// What a worker finds in the inbox.
#[derive(Debug)]
pub(crate) enum Mail {
    /// The params with the change; to be answered.
    Update(Params),
    Hint(Hint),
}

impl NodeControl {
    /// The control of a node with these params, whose worker sleeps at `bell`.
    pub(crate) fn new(params: Params, bell: Arc<Doorbell>) -> Self {
        let inbox = Inbox {
            params,
            updates: VecDeque::new(),
            hints: VecDeque::new(),
            asker: None,
            is_closed: false,
            next_id: 0,
        };
        Self {
            has_mail: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            inbox: Mutex::new(inbox),
            bell,
            hints: Counter::default(),
            hints_coalesced: Counter::default(),
            hints_dropped: Counter::default(),
        }
    }

    /// The params that hold now.
    pub(crate) fn params(&self) -> Params {
        self.lock().params.clone()
    }

    /// Leaves a change of the params.
    pub(crate) fn post_update(&self, change: Params) -> Result<Posted, NotPosted> {
        let mut inbox = self.lock();
        if inbox.is_closed {
            return Err(NotPosted::Gone);
        }
        if inbox.updates.len() >= UPDATES_MAX {
            return Err(NotPosted::Full);
        }
        let (asker, answer) = bounded(1);
        let id = inbox.next_id;
        inbox.next_id += 1;
        inbox.updates.push_back(Update { id, change, asker });
        self.deliver(inbox);
        Ok(Posted { id, answer })
    }

    /// Takes a change back that the worker has not begun with; `false` when it has.
    pub(crate) fn withdraw(&self, id: u64) -> bool {
        let mut inbox = self.lock();
        let before = inbox.updates.len();
        inbox.updates.retain(|update| update.id != id);
        inbox.updates.len() < before
    }

    /// Leaves a hint; an older one of the same name for the same output is forgotten.
    pub(crate) fn post_hint(&self, hint: Hint) {
        let mut inbox = self.lock();
        let is_same = |old: &&mut Hint| old.pin == hint.pin && old.content.name() == hint.content.name();
        if let Some(old) = inbox.hints.iter_mut().find(is_same) {
            *old = hint;
            self.hints_coalesced.add_shared(1);
        } else if inbox.is_closed || inbox.hints.len() >= HINTS_MAX {
            self.hints_dropped.add_shared(1);
        } else {
            inbox.hints.push_back(hint);
            self.deliver(inbox);
        }
    }

    /// Lets a source rest, or go on.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Release);
        self.bell.ring();
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// [worker] Whether there is something in the inbox.
    pub(crate) fn has_mail(&self) -> bool {
        self.has_mail.load(Ordering::Acquire)
    }

    /// [worker] Takes the next thing out of the inbox: updates come first, because they were asked for.
    pub(crate) fn take(&self) -> Option<Mail> {
        let mut inbox = self.lock();
        if let Some(Update { change, asker, .. }) = inbox.updates.pop_front() {
            inbox.asker = Some(asker);
            let mut params = inbox.params.clone();
            apply_change(&mut params, change);
            return Some(Mail::Update(params));
        }
        let hint = inbox.hints.pop_front();
        if hint.is_none() {
            self.has_mail.store(false, Ordering::Release);
        }
        hint.map(Mail::Hint)
    }

    /// [worker] Keeps the params that hold from now on, and answers the one who asked for them.
    pub(crate) fn accept(&self, params: Params) {
        let mut inbox = self.lock();
        inbox.params = params;
        inbox.answer(Answer::Done);
    }

    /// [worker] Answers the one who asked for the update that was under way.
    pub(crate) fn refuse(&self, answer: Answer) {
        self.lock().answer(answer);
    }

    /// Tells everybody who waits that the instance does not answer; the next one takes what comes now.
    pub(crate) fn instance_is_lost(&self, reason: &str) {
        let mut inbox = self.lock();
        inbox.answer(Answer::Lost(reason.to_string()));
        inbox.answer_all(&Answer::Lost(reason.to_string()));
    }

    /// Takes nothing any more, and tells everybody who waits.
    pub(crate) fn close(&self) {
        let mut inbox = self.lock();
        inbox.is_closed = true;
        inbox.answer(Answer::Gone);
        inbox.answer_all(&Answer::Gone);
        self.hints_dropped.add_shared(inbox.hints.len() as u64);
        inbox.hints.clear();
        self.has_mail.store(false, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the worker of new mail.
    fn deliver(&self, inbox: MutexGuard<'_, Inbox>) {
        // Under the lock, so that a worker that finds the inbox empty does not take the flag away afterwards.
        self.has_mail.store(true, Ordering::Release);
        drop(inbox);
        self.bell.ring();
    }
}

impl Inbox {
    fn answer(&mut self, answer: Answer) {
        if let Some(asker) = self.asker.take() {
            // Whoever gave up waiting does not listen.
            let _unheard = asker.try_send(answer);
        }
    }

    fn answer_all(&mut self, answer: &Answer) {
        for update in self.updates.drain(..) {
            let _unheard = update.asker.try_send(answer.clone());
        }
    }
}

#[cfg(test)]
#[cfg(not(loom))]
mod tests {
    use super::*;
    use crate::exec::hint::HintContent;
    use serde_json::json;

    fn object(value: Value) -> Params {
        value.as_object().cloned().unwrap()
    }

    fn control(params: Value) -> NodeControl {
        NodeControl::new(object(params), Arc::default())
    }

    fn hint(pin: usize, name: &str, json: &str) -> Hint {
        Hint { pin, content: HintContent::new(name, json).unwrap() }
    }

    #[test]
    fn update_is_laid_over_the_params_and_holds_when_it_is_accepted() {
        let control = control(json!({ "a": 1, "b": 2 }));
        let first = control.post_update(object(json!({ "a": 3 }))).unwrap();
        let second = control.post_update(object(json!({ "b": null, "c": 4 }))).unwrap();
        let Some(Mail::Update(params)) = control.take() else { panic!("an update") };
        assert_eq!(Value::Object(params.clone()), json!({ "a": 3, "b": 2 }));
        control.refuse(Answer::Refused("no".into()));
        assert_eq!(first.answer.try_recv(), Ok(Answer::Refused("no".into())));
        let Some(Mail::Update(params)) = control.take() else { panic!("an update") };
        control.accept(params);
        assert_eq!(second.answer.try_recv(), Ok(Answer::Done));
        assert_eq!(Value::Object(control.params()), json!({ "a": 1, "c": 4 }));
        assert!(control.take().is_none() && !control.has_mail());
    }

    #[test]
    fn everybody_who_waits_is_told_when_the_instance_is_lost_and_the_next_one_takes_what_comes() {
        let control = control(json!({}));
        let waiting: Vec<_> = (0..UPDATES_MAX).map(|_| control.post_update(Params::new()).unwrap()).collect();
        assert_eq!(control.post_update(Params::new()).unwrap_err(), NotPosted::Full);
        assert!(matches!(control.take(), Some(Mail::Update(_))), "one of them is under way");
        control.instance_is_lost("it hangs");
        assert!(waiting.iter().all(|posted| posted.answer.try_recv() == Ok(Answer::Lost("it hangs".into()))));
        let late = control.post_update(Params::new()).unwrap();
        assert!(matches!(control.take(), Some(Mail::Update(_))));
        control.close();
        assert_eq!(late.answer.try_recv(), Ok(Answer::Gone));
        assert_eq!(control.post_update(Params::new()).unwrap_err(), NotPosted::Gone);
    }

    #[test]
    fn update_that_was_not_begun_can_be_withdrawn() {
        let control = control(json!({}));
        let [first, second] = [(); 2].map(|()| control.post_update(Params::new()).unwrap());
        assert!(matches!(control.take(), Some(Mail::Update(_))));
        assert!(!control.withdraw(first.id) && control.withdraw(second.id) && !control.withdraw(second.id));
        assert!(control.take().is_none());
    }

    #[test]
    fn newest_hint_of_a_name_wins_and_keeps_its_place() {
        let control = control(json!({}));
        for hint in [hint(0, "a", "1"), hint(0, "b", "2"), hint(1, "a", "3"), hint(0, "a", "4")] {
            control.post_hint(hint);
        }
        let heard = std::iter::from_fn(|| control.take()).map(|mail| match mail {
            Mail::Hint(hint) => (hint.pin, hint.content.name().to_string(), hint.content.json().to_string()),
            Mail::Update(_) => panic!("only hints were posted"),
        });
        let wanted =
            [(0, "a", "4"), (0, "b", "2"), (1, "a", "3")].map(|(pin, name, json)| (pin, name.into(), json.into()));
        assert_eq!(heard.collect::<Vec<_>>(), wanted);
        assert_eq!((control.hints_coalesced.value(), control.hints_dropped.value()), (1, 0));
    }

    #[test]
    fn hints_beyond_the_room_and_after_the_end_are_counted_as_dropped() {
        let control = control(json!({}));
        for number in 0..=HINTS_MAX {
            control.post_hint(hint(0, &format!("hint.{number}"), ""));
        }
        assert_eq!(control.hints_dropped.value(), 1);
        control.close();
        control.post_hint(hint(0, "late", ""));
        assert_eq!(control.hints_dropped.value(), HINTS_MAX as u64 + 2);
        assert!(!control.has_mail() && control.take().is_none());
    }

    #[test]
    fn hint_has_a_short_name_and_json() {
        let refused = |name: &str, json: &str| HintContent::new(name, json).unwrap_err().to_string();
        assert!(refused("", "1").contains("the name of a hint has 0 bytes; 1 to 80"));
        assert!(refused(&"x".repeat(81), "1").contains("81 bytes"));
        assert!(refused("x", &"1".repeat(4_097)).contains("4096 are possible"));
        assert!(refused("x", "{").contains("the content of a hint is not JSON"));
        assert_eq!(HintContent::new("x", "").unwrap().json(), "null");
    }
}
