/* A program that speaks libkick, for trees of integration tests: this very test program
 * under the name "k", which linked() gives it in the test's directory. Its arguments
 * are pairs of words. */
#ifndef KICK_IT_LINKED_H
#define KICK_IT_LINKED_H

/* A child that is such a program. */
#define LINKED(id, more, ...) \
	"{'id':'" id "','link':true" more ",'start':['./k'," __VA_ARGS__ "]}"

/* Makes ./k. */
void linked(void);

#endif
