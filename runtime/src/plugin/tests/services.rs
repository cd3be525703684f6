pub(super) fn later(_work: impl FnOnce() + Send + 'static) {}
